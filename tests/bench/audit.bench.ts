/**
 * The audit trail: entries written with their change and chained, verified, and mirrored into signed commits; over real
 * files, real git and the real ssh-keygen.
 *
 * node tests/bench/audit.bench.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { auditEntry } from '@mainstay/control-plane/audit/audit-entry';
import { createChainer } from '@mainstay/control-plane/audit/chainer';
import { createMirror } from '@mainstay/control-plane/audit/mirror';
import { verifyStore } from '@mainstay/control-plane/audit/verify';
import { openStore, type Store } from '@mainstay/control-plane/store/store';
import { silentLogger, systemClock, systemExec } from '@mainstay/runtime';

const entries = 20_000;
const per_write = 5;

export type AuditFigures = {
  written_per_second: number;
  chained_per_second: number;
  verified_per_second: number;
  mirrored_per_second: number;
  batch_commits_per_second: number;
};

export async function benchAudit(): Promise<AuditFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-bench-audit-'));
  const store = await openStore(join(folder, 'mainstay.db'));
  try {
    const chainer = createChainer(store);
    const began = performance.now();
    for (let at = 0; at < entries; at += per_write) {
      await store.batch(Array.from({ length: per_write }, (_, index) => entryOf(store, at + index)));
      // As the control plane does after each change; a round serves all who asked for it.
      void chainer.next().catch(() => {});
    }
    const written = performance.now();
    while ((await pending(store)) > 0) await chainer.next();
    const chained = performance.now();
    await chainer.stop();

    const report = await verifyStore(store, { anchors: [], now_ms: Date.now() });
    if (!report.ok || report.entries !== entries) throw new Error('the chain does not verify');
    const verified = performance.now();

    const batches = await mirrorAll(store, join(folder, 'mirror'));
    return {
      written_per_second: perSecond(entries, written - began),
      chained_per_second: perSecond(entries, chained - began),
      verified_per_second: perSecond(entries, verified - chained),
      mirrored_per_second: perSecond(entries, batches.time_ms),
      batch_commits_per_second: perSecond(batches.commits, batches.time_ms),
    };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Mirrors all entries; counts what git has in the end, and verifies the newest signature. */
async function mirrorAll(store: Store, folder: string) {
  const mirror = createMirror({
    ...{ store, folder, clock: systemClock, log: silentLogger(), exec: systemExec, keeper: null },
    apart_ms: 1,
    anchored_apart_ms: Number.POSITIVE_INFINITY,
  });
  const began = performance.now();
  while ((mirror.status().tip?.seq ?? 0) < entries) {
    await mirror.next();
    const { problem } = mirror.status();
    if (problem !== null) throw new Error(problem);
  }
  const time_ms = performance.now() - began;
  await mirror.stop();
  const git = (...args: string[]) =>
    execFileSync('git', ['--git-dir', join(folder, 'repository.git'), ...args], { encoding: 'utf8', stdio: 'pipe' });
  git('verify-commit', 'main');
  return { time_ms, commits: Number(git('rev-list', '--count', 'main')) };
}

async function pending(store: Store): Promise<number> {
  const rows = await store.db.selectFrom('audit_entries').select('id').where('seq', 'is', null).limit(1).execute();
  return rows.length;
}

function entryOf(store: Store, index: number) {
  return auditEntry(store, {
    kind: 'step.succeeded',
    at: Date.now(),
    actor: { kind: 'user', id: 'usr_bench', name: 'ada', role: 'owner', proof: 'signed' },
    operation: 'stacks.deploy',
    operation_id: `op_${index}`,
    target: 'stack/shop',
    plan_hash: 'f'.repeat(64),
    outcome: 'succeeded',
    data: { step: `server ${index % 100}`, message: 'The server serves what was asked for.', index },
  });
}

function perSecond(count: number, time_ms: number): number {
  return Math.round((count / time_ms) * 1000);
}

export function printAudit(figures: AuditFigures): void {
  const row = (what: string, value: number, more = '') =>
    console.log(`  ${what.padEnd(34)} ${value.toLocaleString('en-US').padStart(8)} /s${more}`);
  console.log(`\nAudit, ${entries.toLocaleString('en-US')} entries, ${per_write} a write`);
  row('entries written', figures.written_per_second);
  row('entries written and chained', figures.chained_per_second, ' (goal ≥ 2,000)');
  row('entries verified', figures.verified_per_second);
  row(
    'entries mirrored, in batches',
    figures.mirrored_per_second,
    ` in ${figures.batch_commits_per_second} signed commits a second`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printAudit(await benchAudit());
