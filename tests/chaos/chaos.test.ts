/**
 * A small part of `npm run chaos` for every test run: ten kills of one seed, and that the laws notice what they are there to notice.
 *
 * CHAOS_SEED (1) and CHAOS_RUNS (4) make other runs of it.
 */
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createInstallation, type Installation } from './installation.ts';
import { brokenLaws, openRecords, underWay } from './laws.ts';
import { runRound, type Verified } from './round.ts';
import { brokenRun } from './table.ts';

const seed = Number(process.env['CHAOS_SEED'] ?? 1);
const runs = Number(process.env['CHAOS_RUNS'] ?? 4);

let at: Installation;
beforeAll(async () => {
  at = await createInstallation();
});
afterAll(() => at?.close());

describe('programs killed at the boundaries of a change', () => {
  const verified: Verified = { commit: null, commits: 0 };

  it(`leave the old or the new, and nothing twice (seed ${seed}, ${runs} runs)`, {
    timeout: runs * 180_000,
  }, async () => {
    for (let run = 1; run <= runs; run++) {
      const result = await runRound(at, verified, seed, run);
      expect(result.broken, brokenRun(seed, result)).toEqual([]);
    }
    expect(verified.commits).toBeGreaterThan(0);
  });
});

describe('the laws notice', () => {
  const succeeded = "(select id from operations where state = 'succeeded' and run_id is not null limit 1)";
  it.each([
    ['a version that is gone', 'delete from stack_versions where version = 1', /versions from 2 to/],
    [
      'a version of no operation',
      "update stack_versions set operation_id = 'op_x' where version = 1",
      /say different things/,
    ],
    ['a run that is gone', `delete from runs where operation_id = ${succeeded}`, /has 0 runs/],
    ['a second run', `update runs set operation_id = ${succeeded}`, /has \d+ runs/],
    [
      'an end that is not in the audit',
      `delete from audit_entries where kind = 'operation.succeeded'`,
      /ended 0 times/,
    ],
    [
      'a grant that the keeper never gave',
      `update operations set grant_jws = 'x' where id = ${succeeded}`,
      /not in the keeper's ledger/,
    ],
    [
      'a server that nobody invited',
      "update operations set state = 'failed' where operation = 'servers.invite'",
      /were invited/,
    ],
    ['another mark than the one that is served', "update stack_versions set spec = '{}'", /served should be/],
    ['a run that is stuck', "update runs set state = 'stuck'", /is stuck/],
  ])('%s', async (_, tamper, expected) => {
    const records = openRecords(at.files);
    // On the records as they would be; nothing of it is written.
    const writer = new DatabaseSync(at.files.store);
    writer.exec('PRAGMA busy_timeout = 5000');
    try {
      writer.exec('BEGIN IMMEDIATE');
      writer.exec('PRAGMA defer_foreign_keys = ON');
      writer.exec(tamper);
      const tampered = { ...records, store: (sql: string) => writer.prepare(sql).all() as never };
      const broken = [...underWay(tampered), ...(await brokenLaws(at, tampered, []))];
      expect(broken.join('\n')).toMatch(expected);
    } finally {
      writer.exec('ROLLBACK');
      writer.close();
      records.close();
    }
  });
});
