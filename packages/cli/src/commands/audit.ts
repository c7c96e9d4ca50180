/** `mainstay audit log`, `verify` and `export`: who did what, whether the record of it is whole, and a copy of it. */
import { createWriteStream, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AuditAnchor } from '@mainstay/contract/audit';
import { problems_max } from '@mainstay/contract/audit-verify';
import { AppError } from '@mainstay/contract/errors';
import { auditLines, type Verified, verifiedLines } from '../audit-views.ts';
import { type Cli, type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { groupCommand } from '../command-groups.ts';
import type { Connection } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { numberValue } from '../operation-input.ts';
import { timeValue } from '../terminal/time.ts';
import { verifyExport, verifyMirror } from './audit-offline.ts';

type Filters = {
  actor?: string;
  target?: string;
  operation?: string;
  operationId?: string;
  kind?: string[];
  outcome?: string;
  search?: string;
  since?: string;
  until?: string;
};
type LogOptions = CommonOptions & Filters & { tail: string };
type VerifyOptions = CommonOptions & { file?: string; mirror?: string; allowedSigners?: string; expect?: string[] };
type ExportOptions = CommonOptions & Filters & { format: string; output?: string };

export const registerAudit: Registration = (program, cli) => {
  const audit = groupCommand(program, 'audit');
  const log = audit
    .command('log', { isDefault: true })
    .summary('Show who did what')
    .description('Shows audit entries, oldest first.')
    .option('--tail <entries>', 'how many of the newest entries', '50');
  for (const [flags, text] of filterOptions) log.option(flags, text);
  commonOptions(log).action(
    cli.action(async (options: LogOptions) => {
      const limit = numberValue('tail', options.tail);
      const page = await cli.connect(options).callRaw('audit.list', { ...filterOf(cli, options), limit });
      if (options.json) cli.printJson(page);
      else {
        const { paint, columns } = cli.terminal.out;
        const view = { paint, width: columns, now: cli.terminal.now() };
        for (const line of auditLines(page as Parameters<typeof auditLines>[0], view)) cli.print(line);
      }
      return exitCodes.ok;
    }),
  );

  const verify = audit
    .command('verify')
    .summary('Verify the audit chain; name what was edited, deleted, moved or cut off')
    .description(
      'Walks the chain, and holds it against what the keeper and the mirror noted. With --file or --mirror it needs no control plane. The exit code is 1 when something is wrong.',
    )
    .option('--file <path>', 'verify an export (JSON lines) instead')
    .option('--mirror <folder>', 'verify a mirror, or a clone of one, instead')
    .option('--allowed-signers <path>', 'who may have signed that mirror, as ssh-keygen(1) has it')
    .option(
      '--expect <number:hash...>',
      'places of the chain that were noted elsewhere, such as its head of yesterday',
    );
  commonOptions(verify).action(
    cli.action(async (options: VerifyOptions) => {
      const expected = (options.expect ?? []).map(anchorOf);
      const path = (text: string) => resolve(cli.terminal.cwd, text);
      const allowed_signers = options.allowedSigners === undefined ? undefined : path(options.allowedSigners);
      const report =
        options.file !== undefined
          ? await verifyExport(path(options.file), expected)
          : options.mirror !== undefined
            ? await verifyMirror(path(options.mirror), { allowed_signers, expected })
            : await verifyOnline(cli, cli.connect(options), expected);
      if (options.json) cli.printJson(report);
      else for (const line of verifiedLines(report, cli.terminal.out)) cli.print(line);
      return report.ok ? exitCodes.ok : exitCodes.failed;
    }),
  );

  const exported = audit
    .command('export')
    .summary('Write the audit trail as JSON lines or CSV')
    .description(
      'Writes to the standard output, or to a file that only you can read. JSON lines without a filter can be verified later.',
    )
    .option('--format <format>', 'jsonl or csv', 'jsonl')
    .option('--output <path>', 'file to write');
  for (const [flags, text] of filterOptions) exported.option(flags, text);
  commonOptions(exported).action(
    cli.action(async (options: ExportOptions) => {
      const filter: Record<string, unknown> = { format: options.format, ...filterOf(cli, options) };
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(filter))
        for (const one of [value].flat()) if (one !== undefined) query.append(name, String(one));
      const body = await cli.connect(options).download(`/audit/export?${query}`);
      if (options.output === undefined) {
        const decoder = new TextDecoder();
        for await (const chunk of body) cli.terminal.out.write(decoder.decode(chunk, { stream: true }));
        return exitCodes.ok;
      }
      const path = resolve(cli.terminal.cwd, options.output);
      // The file is whole, or not there.
      await pipeline(Readable.from(body), createWriteStream(`${path}.part`, { mode: 0o600 }));
      renameSync(`${path}.part`, path);
      cli.note(`Written to ${path}.`);
      return exitCodes.ok;
    }),
  );
};

const filterOptions = [
  ['--actor <name>', 'only what this one did, by name or id'],
  ['--target <target>', 'only of this, such as stack/shop'],
  ['--operation <id>', 'only of this operation of the contract, such as stacks.deploy'],
  ['--operation-id <id>', 'only of this one operation'],
  ['--kind <kinds...>', 'only these kinds, such as access.refused, or all that begin so: operation.'],
  ['--outcome <outcome>', 'only succeeded, failed or refused'],
  ['--search <text>', 'only entries that hold this text, letter case aside'],
  ['--since <time>', 'not before this time: how long ago (10m, 2h, 3d), or a date'],
  ['--until <time>', 'not after this time, said in the same way'],
] as const;

function filterOf(cli: Cli, { actor, target, operation, operationId, kind, outcome, search, since, until }: Filters) {
  const now = cli.terminal.now();
  const filter = {
    ...{ actor, target, operation, operation_id: operationId, kind, outcome, search },
    from: since === undefined ? undefined : timeValue('since', since, now),
    to: until === undefined ? undefined : timeValue('until', until, now),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

function anchorOf(text: string): AuditAnchor {
  const found = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (!found) {
    throw new AppError('InvalidInput', `"${text}" is no place of a chain.`, {
      field: 'expect',
      hint: 'Give a number and a hash, such as 120:9f86…, as `mainstay audit head` shows them.',
    });
  }
  return { seq: Number(found[1]), hash: found[2]!, at: Date.now(), source: 'mirror', jws: null };
}

/** Verifies the chain of the control plane, piece by piece, and tells how far it is. */
async function verifyOnline(cli: Cli, connection: Connection, expected: readonly AuditAnchor[]): Promise<Verified> {
  let input: { after?: number; after_hash?: string } = {};
  let all: Verified | null = null;
  for (;;) {
    const part = await connection.call('audit.verify', input);
    all = all === null ? part : joined(all, part);
    if (!part.keeper_reached) cli.note('The keeper is away: an end that was cut off may not be found out.');
    if (part.complete || part.head === null || part.head.seq === input.after) break;
    cli.note(`${part.head.seq} of ${part.total}`);
    input = { after: part.head.seq, after_hash: part.head.hash };
  }
  for (const { seq, hash } of expected) await expectAt(connection, all, seq, hash);
  return all;
}

function joined(before: Verified, part: Verified): Verified {
  const problems = [...before.problems, ...part.problems];
  return {
    ...part,
    ok: before.ok && part.ok,
    entries: before.entries + part.entries,
    first_seq: before.first_seq ?? part.first_seq,
    anchors_checked: before.anchors_checked + part.anchors_checked,
    problems: problems.slice(0, problems_max),
    more_problems: before.more_problems || part.more_problems || problems.length > problems_max,
  };
}

/** Whether the entries after a noted place follow it; they do not when it was another. */
async function expectAt(connection: Connection, report: Verified, seq: number, hash: string): Promise<void> {
  report.anchors_checked += 1;
  if (report.head?.seq === seq && report.head.hash === hash) return;
  const isBeyond = (report.head?.seq ?? 0) <= seq;
  const part = isBeyond ? null : await connection.call('audit.verify', { after: seq, after_hash: hash });
  if (part?.ok) return;
  report.ok = false;
  const message = isBeyond
    ? `The chain does not have number ${seq} with that hash.`
    : `Number ${seq} is not the entry that was expected.`;
  report.problems.push({ kind: isBeyond ? 'cut_off' : 'rewritten', seq, id: null, message });
}
