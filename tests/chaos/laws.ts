/**
 * The laws that hold after every run, once everything is back and has settled. They are read from the files of the programs, and asked of
 * the programs themselves where these verify their own record.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { terminalOperationStates } from '@mainstay/contract/operation';
import { versions_kept_max } from '@mainstay/control-plane/stacks/stack-store';
import type { Change } from './changes.ts';
import { type Installation, service_word } from './installation.ts';

type Row = Record<string, string | number | null>;
export type Answered = { change: Change; isDone: boolean };

export type Records = {
  store(sql: string): Row[];
  ledger(sql: string): Row[];
  close(): void;
};

/** The files as they are, to be read only. */
export function openRecords({ store, ledger }: Installation['files']): Records {
  const open = (path: string) => {
    const database = new DatabaseSync(path, { readOnly: true });
    database.exec('PRAGMA busy_timeout = 5000');
    return database;
  };
  const [plane, keeper] = [open(store), open(ledger)];
  return {
    store: (sql) => plane.prepare(sql).all() as Row[],
    ledger: (sql) => keeper.prepare(sql).all() as Row[],
    close() {
      plane.close();
      keeper.close();
    },
  };
}

const terminal = terminalOperationStates.map((state) => `'${state}'`).join(', ');

/** What is still under way, in words; empty when everything has come to its end. */
export function underWay({ store }: Records): string[] {
  const open = store(`select id, operation, state, message from operations where state not in (${terminal})`);
  const runs = store(
    "select id, state from runs where state not in ('succeeded', 'failed', 'compensated', 'cancelled')",
  );
  const steps = store(
    "select run_id, key, state from run_steps where state in ('ready', 'running', 'parked', 'held', 'expanded')",
  );
  const unchained = store('select count(*) n from audit_entries where seq is null')[0]!['n'] as number;
  return [
    ...open.map(({ id, operation, state, message }) => `${operation} ${id} is ${state}: ${message}`),
    ...runs.map(({ id, state }) => `run ${id} is ${state}`),
    ...steps.map(({ run_id, key, state }) => `step ${key} of ${run_id} is ${state}`),
    ...(unchained > 0 ? [`${unchained} audit entries are not chained`] : []),
  ];
}

/** Every law that does not hold, in words. */
export async function brokenLaws(at: Installation, records: Records, answers: readonly Answered[]): Promise<string[]> {
  return [
    ...requestsOnce(records, answers),
    ...versionsWhole(records, answers),
    ...effectsOnce(records),
    ...runsOnce(records),
    ...auditOnce(records),
    ...grantsKnown(records),
    ...runningProcess(at, records),
    ...(await ownRecords(at)),
  ];
}

function requestsOnce({ store }: Records, answers: readonly Answered[]): string[] {
  const broken: string[] = [];
  const keys = new Map(
    store('select idempotency_key k, count(*) n from operations where idempotency_key is not null group by 1').map(
      ({ k, n }) => [k as string, n as number],
    ),
  );
  for (const { change, isDone } of answers) {
    const count = keys.get(change.key) ?? 0;
    if (count > 1) broken.push(`${change.label} ${change.key} is ${count} operations`);
    if (count === 0 && isDone) broken.push(`${change.label} ${change.key} was answered and is no operation`);
  }
  return broken;
}

/** Versions of a stack that are kept have no gap, one operation each, and say what was asked for: the old or the new, nothing between. */
function versionsWhole({ store }: Records, answers: readonly Answered[]): string[] {
  const broken: string[] = [];
  for (const { name, n, least, most, made, desired } of store(
    `select s.name, count(*) n, min(v.version) least, max(v.version) most, count(distinct v.operation_id) made, s.desired_version desired
     from stacks s join stack_versions v on v.stack_id = s.id group by s.id`,
  )) {
    const isWhole = n === Number(most) - Number(least) + 1 && (least === 1 || Number(n) >= versions_kept_max);
    if (!isWhole || n !== made || most !== desired)
      broken.push(`stack ${name}: ${n} versions from ${least} to ${most} by ${made} operations, desired is ${desired}`);
  }
  for (const { id, v } of store(
    `select o.id, v.version v from stack_versions v left join operations o
     on o.id = v.operation_id and o.version = v.version and o.stack_id = v.stack_id and o.state = v.state where o.id is null`,
  ))
    broken.push(`version ${v} of ${id} and its operation say different things`);
  for (const { id } of store(
    `select id from operations o where version is not null
     and version >= coalesce((select min(v.version) from stack_versions v where v.stack_id = o.stack_id), 0) and not exists
     (select 1 from stack_versions v where v.stack_id = o.stack_id and v.version = o.version and v.operation_id = o.id)`,
  ))
    broken.push(`operation ${id} names a version that is not there`);
  const marks = new Map(answers.map(({ change }) => [change.key, change.mark]));
  for (const { k, mark } of store(
    `select o.idempotency_key k, json_extract(v.spec, '$.services.web.env.MARK') mark from operations o
     join stack_versions v on v.operation_id = o.id where o.operation = 'stacks.apply' and o.idempotency_key is not null`,
  )) {
    const asked = marks.get(k as string);
    if (asked !== undefined && asked !== mark) broken.push(`${k} made a version with ${mark}`);
  }
  return broken;
}

/** As often as an operation succeeded, and no oftener, its effect is there. */
function effectsOnce({ store }: Records): string[] {
  const broken: string[] = [];
  const succeeded = new Map(
    store(
      `select json_extract(plan, '$.summary') s, count(*) n from operations where operation = 'secrets.set'
       and state = 'succeeded' group by 1`,
    ).map(({ s, n }) => [s, n]),
  );
  const secrets = store('select stack, name, rev from secrets');
  for (const { stack, name, rev } of secrets) {
    const n = succeeded.get(`Set secret ${name} of stack ${stack}`);
    if (n !== rev) broken.push(`secret ${name} has revision ${rev} after ${n} operations that succeeded`);
  }
  if (secrets.length !== succeeded.size) broken.push(`${secrets.length} secrets, ${succeeded.size} were set`);
  const invited = store(
    "select count(*) n from operations where operation = 'servers.invite' and state = 'succeeded'",
  )[0]!['n'];
  const servers = store('select count(*) n from servers')[0]!['n'];
  if (servers !== invited) broken.push(`${servers} servers, ${invited} were invited`);
  for (const { name, removed, n } of store(
    `select s.name, s.removed, (select count(*) from operations o where o.stack_id = s.id
     and o.operation = 'stacks.remove' and o.state = 'succeeded') n from stacks s`,
  ))
    if (removed !== n) broken.push(`stack ${name}: removed is ${removed}, ${n} removals succeeded`);
  return broken;
}

function runsOnce({ store }: Records): string[] {
  const broken = store(
    `select o.id, o.state, count(r.id) n from operations o left join runs r on r.operation_id = o.id
     where o.grant_jws is not null group by o.id having n > 1 or (n = 0 and o.state in ('succeeded', 'running'))`,
  ).map(({ id, state, n }) => `operation ${id}, ${state}, has ${n} runs`);
  for (const { id, state, ran } of store(
    `select o.id, o.state, r.state ran from operations o join runs r on r.operation_id = o.id
     where (o.state = 'succeeded') <> (r.state = 'succeeded')`,
  ))
    broken.push(`operation ${id} is ${state}, its run is ${ran}`);
  const dead = store('select count(*) n from bus_dead_letters')[0]!['n'] as number;
  if (dead > 0) broken.push(`${dead} messages of the bus are dead letters`);
  return broken;
}

/** One beginning and one end of each operation stand in the audit. */
function auditOnce({ store }: Records): string[] {
  const ends = terminalOperationStates.map((state) => `'operation.${state}'`).join(', ');
  return store(
    `select o.id, o.state, (select count(*) from audit_entries a where a.operation_id = o.id and kind = 'operation.proposed') began,
       (select count(*) from audit_entries a where a.operation_id = o.id and kind in (${ends}, 'operation.refused')) ended
     from operations o where coalesce(o.message, '') <> 'Nothing to change.' and (began <> 1 or ended <> 1)`,
  ).map(({ id, state, began, ended }) => `operation ${id}, ${state}, began ${began} times and ended ${ended} times`);
}

/** Nothing that is acted on is signed by anybody but the keeper: its ledger has every grant. */
function grantsKnown({ store, ledger }: Records): string[] {
  const known = new Set(ledger('select jws_sha256 d from ledger where jws_sha256 is not null').map(({ d }) => d));
  return store(
    `select 'operation ' || id what, grant_jws jws from operations where grant_jws is not null
     union all select 'version of ' || stack_id, grant_jws from stack_versions
     union all select 'invitation of ' || name, invitation_jws from servers where invitation_jws is not null
     union all select 'enrolment of ' || name, enrolment_jws from servers where enrolment_jws is not null`,
  )
    .filter(({ jws }) => !known.has(createHash('sha256').update(String(jws)).digest('hex')))
    .map(({ what }) => `the grant of ${what} is not in the keeper's ledger`);
}

/** The server runs exactly one process, of the version that the control plane says is served. */
function runningProcess(at: Installation, { store }: Records): string[] {
  const serving = store(
    `select json_extract(v.spec, '$.services.web.env.MARK') mark from servers h join stacks s on s.id = h.stack_id
     join stack_versions v on v.stack_id = s.id and v.version = s.serving_version where h.name = 'h1'`,
  )[0];
  if (!serving) return [];
  const marks = servicesOf(at.folder);
  return marks.length === 1 && marks[0] === serving['mark']
    ? []
    : [`served should be ${serving['mark']} by one process, found: ${marks.join(', ') || 'none'}`];
}

/** What the services that the agent under this folder started have in their environment. */
export function servicesOf(folder: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(service_word)) return [];
      if (!readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)) return [];
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
      return [environment.find((entry) => entry.startsWith('MARK='))?.slice('MARK='.length) ?? ''];
    } catch {
      // It ended while it was looked at.
      return [];
    }
  });
}

/** What the programs say of their own records: the chain against the keeper's anchors, the ledger, the alerts. */
async function ownRecords({ client }: Installation): Promise<string[]> {
  const broken: string[] = [];
  const chain = await client['audit.verify']({});
  if (!chain.ok || !chain.complete || !chain.keeper_reached)
    broken.push(`the audit does not verify: ${JSON.stringify({ ...chain, head: undefined })}`);
  const ledger = await client['keeper.verify_ledger']({});
  if (!ledger.ok) broken.push(`the keeper's ledger does not verify: ${JSON.stringify(ledger)}`);
  const { alerts } = await client['policies.get']({});
  if (alerts.length > 0) broken.push(`the keeper raises ${JSON.stringify(alerts)}`);
  return broken;
}

/** Verifies the signatures of the mirror's commits after `after`; gives the newest commit. @throws Error of git's */
export function verifyMirror({ files }: Installation, after: string | null): { commit: string; commits: number } {
  const repository = join(files.mirror, 'repository.git');
  const git = (...args: string[]) =>
    execFileSync('git', ['--git-dir', repository, ...args], { encoding: 'utf8', stdio: 'pipe' }).trim();
  const commit = git('rev-parse', 'refs/heads/main');
  const range = after === null ? 'refs/heads/main' : `${after}..refs/heads/main`;
  const commits = git('rev-list', range).split('\n').filter(Boolean);
  if (commits.length > 0) git('verify-commit', ...commits);
  return { commit, commits: commits.length };
}

/** Numbers of the audit entries that are in the mirror, in the order of its files. */
export function mirroredEntries({ files }: Installation): number[] {
  const repository = join(files.mirror, 'repository.git');
  const git = (...args: string[]) =>
    execFileSync('git', ['--git-dir', repository, ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const names = git('ls-tree', '-r', '--name-only', 'refs/heads/main')
    .split('\n')
    .filter((name) => name.endsWith('.jsonl'));
  return names.flatMap((name) =>
    git('show', `refs/heads/main:${name}`)
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { seq: number }).seq),
  );
}
