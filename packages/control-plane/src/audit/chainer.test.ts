import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStore } from '../store/store.ts';
import { auditEntry } from './audit-entry.ts';
import { chainBatch, createChainer } from './chainer.ts';
import { createTrail, entryNumber, type Trail } from './testing/trail.ts';

const count = 12;
let trail: Trail;
beforeEach(async () => {
  trail = await createTrail(count);
});
afterEach(() => trail.end());

it('two chainers at once chain every entry once', async () => {
  await trail.write(...Array.from({ length: 400 }, (_, index) => entryNumber(index)));
  const other = await openStore(trail.path);
  const run = async (store: typeof other) => {
    while (await chainBatch(store, 20));
  };
  await Promise.all([run(trail.store), run(other)]);
  await other.close();
  expect(await trail.verify()).toMatchObject({ ok: true, entries: count + 400, pending: 0 });
});

it('a chainer that is killed at any point leaves entries that wait, and nothing else', async () => {
  let written = count;
  for (const after_ms of [5, 40, 120, 200]) {
    await trail.write(...Array.from({ length: 3_000 }, (_, index) => entryNumber(index)));
    written += 3_000;
    const child = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'chainer-child.ts'), trail.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, after_ms));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(await trail.verify()).toMatchObject({ ok: true, entries: written });
  }
  await trail.chain();
  expect(await trail.verify()).toMatchObject({ ok: true, entries: written, pending: 0, head: { seq: written } });
}, 60_000);

it('entries are chained in the order of their writes, and an undone write leaves none', async () => {
  const { store } = trail;
  const chainer = createChainer(store);
  const bad = { query: store.db.deleteFrom('audit_entries').where('id', '=', 'none'), rows: 1 };
  await expect(store.batch([auditEntry(store, entryNumber(98)), bad])).rejects.toThrow();
  await store.batch([auditEntry(store, entryNumber(99)), auditEntry(store, entryNumber(100))]);
  await chainer.next();
  await chainer.stop();
  const rows = await store.db.selectFrom('audit_entries').select(['seq', 'operation_id']).orderBy('seq').execute();
  expect(rows.slice(count)).toEqual([
    { seq: 13, operation_id: 'op_99' },
    { seq: 14, operation_id: 'op_100' },
  ]);
});

it('data that is too large, too deep or no JSON is cut, and said to be', async () => {
  const deep: Record<string, unknown> = {};
  let at = deep;
  for (let level = 0; level < 50; level += 1) at = at['next'] = {} as Record<string, unknown>;
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`name_${index}`, 'x'.repeat(50)]));
  await trail.write(
    entryNumber(1, { data: { deep, not: Number.NaN, call: () => 1, nothing: undefined, big: 10n } }),
    entryNumber(2, { data: many }),
  );
  await trail.chain();
  const rows = await trail.store.db.selectFrom('audit_entries').select('body').where('seq', '>', count).execute();
  const [first, second] = rows.map(({ body }) => (JSON.parse(body) as { data: Record<string, unknown> }).data);
  expect(JSON.stringify(first)).toContain('[left out: too deep]');
  expect(first).toMatchObject({ not: 'NaN', big: '10' });
  expect(second).toEqual({ left_out: expect.stringMatching(/16384 are kept/) });
  expect(await trail.verify()).toMatchObject({ ok: true });
});
