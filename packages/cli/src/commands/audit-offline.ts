/** Verifying an audit chain without the control plane: an export in a file, or a mirror in a Git repository. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AuditAnchor } from '@mainstay/contract/audit';
import { createExportReader } from '@mainstay/contract/audit-export';
import { type ChainLink, type ChainReport, verifyChain } from '@mainstay/contract/audit-verify';
import { AppError } from '@mainstay/contract/errors';
import { systemExec } from '@mainstay/runtime/exec';

const git_timeout_ms = 120_000;
/** A part of a day in a mirror is far smaller. */
const file_bytes_max = 64 * 1024 * 1024;

/** Verifies an export. @throws AppError InvalidInput for a file that is none, or that a filter left entries out of. */
export async function verifyExport(path: string, expected: readonly AuditAnchor[]): Promise<ChainReport> {
  const reader = createExportReader();
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next().catch((error: NodeJS.ErrnoException) => {
    throw new AppError('InvalidInput', `${path} cannot be read: ${error.code}.`, { field: 'file' });
  });
  if (!first.done) reader.link(first.value);
  const header = reader.header();
  if (header === null) {
    throw new AppError('InvalidInput', `${path} is not an export of an audit trail: its first line is no header.`, {
      field: 'file',
      hint: 'Make one with: mainstay audit export --output FILE',
    });
  }
  if (!header.whole) {
    throw new AppError('InvalidInput', `${path} was made with a filter, and so cannot be verified.`, {
      field: 'file',
      hint: 'Make one without: mainstay audit export --output FILE',
    });
  }
  const report = await verifyChain(linksOf(reader.link, iterator), {
    genesis: header.genesis,
    anchors: [...header.anchors, ...expected],
    now_ms: Date.now(),
    digest: sha256,
  });
  const end = reader.end();
  if (end === null || end.seq !== (report.head?.seq ?? null)) {
    report.ok = false;
    const seq = (report.head?.seq ?? 0) + 1;
    const message = end === null ? 'The file has no last line: it was cut off.' : `The file should end at ${end.seq}.`;
    report.problems.push({ kind: 'cut_off', seq, id: null, message });
  }
  return report;
}

async function* linksOf(
  link: (line: string) => ChainLink | null,
  lines: AsyncIterator<string>,
): AsyncGenerator<ChainLink> {
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const found = link(next.value);
    if (found) yield found;
  }
}

export type MirrorOptions = {
  /** File of allowed signers, by which the newest commit is verified; without it git's own configuration speaks. */
  allowed_signers: string | undefined;
  expected: readonly AuditAnchor[];
};

/** Verifies a mirror: the signature of its newest commit, and the chain in it. */
export async function verifyMirror(folder: string, { allowed_signers, expected }: MirrorOptions): Promise<ChainReport> {
  const git = async (...args: string[]) => {
    const result = await systemExec(['git', '-C', folder, ...args], {
      timeout_ms: git_timeout_ms,
      output_bytes_max: file_bytes_max,
    });
    if (result.code === 0) return result.stdout;
    const why = result.error?.code === 'ENOENT' ? 'git is not installed, or the folder is not there' : result.stderr;
    throw new AppError('InvalidInput', `git ${args.slice(0, 3).join(' ')}: ${why.trim().slice(0, 500)}`, {
      field: 'mirror',
      hint: 'Give the folder of a mirror or of a clone of it, and --allowed-signers for a clone.',
    });
  };
  const commit = (await git('rev-parse', '--verify', 'HEAD^{commit}')).trim();
  const signers = allowed_signers === undefined ? [] : ['-c', `gpg.ssh.allowedSignersFile=${allowed_signers}`];
  await git(...signers, 'verify-commit', commit);
  const reader = createExportReader();
  reader.link(await git('cat-file', 'blob', `${commit}:chain.json`));
  const header = reader.header();
  if (header === null) {
    throw new AppError('InvalidInput', `${folder} is not a mirror of an audit trail.`, { field: 'mirror' });
  }
  const names = (await git('ls-tree', '-r', '-z', '--name-only', commit)).split('\0');
  async function* links(): AsyncGenerator<ChainLink> {
    for (const name of names.filter((path) => path.endsWith('.jsonl')).sort()) {
      for (const line of (await git('cat-file', 'blob', `${commit}:${name}`)).split('\n')) {
        const found = reader.link(line);
        if (found) yield found;
      }
    }
  }
  return verifyChain(links(), { genesis: header.genesis, anchors: expected, now_ms: Date.now(), digest: sha256 });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
