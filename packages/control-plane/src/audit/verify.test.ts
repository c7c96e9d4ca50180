import { readFileSync, writeFileSync } from 'node:fs';
import { chainText } from '@mainstay/contract/audit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chainHead } from './audit-store.ts';
import { sha256 } from './chainer.ts';
import { pruneAudit } from './retention.ts';
import { createTrail, entryNumber, type Trail } from './testing/trail.ts';

const count = 12;
let trail: Trail;
beforeEach(async () => {
  trail = await createTrail(count);
});
afterEach(() => trail.end());

const found = async (...given: Parameters<Trail['verify']>) => {
  const report = await trail.verify(...given);
  expect(report.ok).toBe(report.problems.length === 0);
  return report.problems.map(({ kind, seq }) => `${kind} ${seq}`);
};
const idOf = async (seq: number) =>
  (await trail.store.db.selectFrom('audit_entries').select('id').where('seq', '=', seq).executeTakeFirst())!.id;

describe('a chain', () => {
  it('verifies as it was written, with its entries, its head and what it was held against', async () => {
    const head = (await chainHead(trail.store))!;
    const anchors = [{ ...head, at: 1, source: 'keeper' as const, jws: null }];
    expect(await trail.verify(anchors)).toMatchObject({
      ok: true,
      complete: true,
      entries: count,
      first_seq: 1,
      head,
      pending: 0,
      anchors_checked: 1,
      problems: [],
    });
  });

  it('that is empty verifies', async () => {
    trail.tamper('delete from audit_entries');
    expect(await trail.verify()).toMatchObject({ ok: true, entries: 0, head: null });
  });

  it('names the row in which one byte of the file was changed', async () => {
    const id = await idOf(5);
    await trail.offline(() => {
      const bytes = readFileSync(trail.path);
      let copies = 0;
      // Free pages may hold old copies of the row.
      for (let at = bytes.indexOf('entry 5 of'); at > 0; at = bytes.indexOf('entry 5 of', at + 1)) {
        bytes[at] = 'a'.charCodeAt(0);
        copies += 1;
      }
      expect(copies).toBeGreaterThan(0);
      writeFileSync(trail.path, bytes);
    });
    const { problems } = await trail.verify();
    expect(problems).toMatchObject([{ kind: 'edited', seq: 5, id }]);
    expect(problems[0]?.message).toContain(id);
  });

  it.each([
    [
      'an edited body',
      ["update audit_entries set body = replace(body, 'entry 3', 'entry x') where seq = 3"],
      ['edited 3'],
    ],
    ['a body that is no JSON', ["update audit_entries set body = '{' || body where seq = 3"], ['edited 3']],
    ['an edited hash', [`update audit_entries set hash = '${'0'.repeat(64)}' where seq = 4`], ['edited 4']],
    ['an edited link', [`update audit_entries set prev = '${'0'.repeat(64)}' where seq = 4`], ['edited 4']],
    ['an edited column', ["update audit_entries set actor_name = 'eve' where seq = 6"], ['edited 6']],
    ['an edited id', ["update audit_entries set id = 'aud_x' where seq = 6"], ['edited 6']],
    ['a deleted row', ['delete from audit_entries where seq = 7'], ['deleted 7']],
    ['deleted rows', ['delete from audit_entries where seq in (3, 7, 8)'], ['deleted 3', 'deleted 7']],
    ['a deleted beginning', ['delete from audit_entries where seq <= 2'], ['deleted 1']],
    [
      'a deleted row and the others numbered anew',
      [
        'delete from audit_entries where seq = 7',
        ...[8, 9, 10, 11, 12].map((seq) => `update audit_entries set seq = ${seq - 1} where seq = ${seq}`),
      ],
      ['reordered 7'],
    ],
    [
      'two rows exchanged',
      [
        'update audit_entries set seq = -1 where seq = 4',
        'update audit_entries set seq = 4 where seq = 9',
        'update audit_entries set seq = 9 where seq = -1',
      ],
      ['reordered 4', 'reordered 9'],
    ],
    ['a number that there is not', ['update audit_entries set seq = 4.5 where seq = 12'], ['inserted 4.5']],
  ])('names %s', async (_, statements, problems) => {
    trail.tamper(...statements);
    expect(await found()).toEqual(problems);
  });

  it('names a row that was put in, and the others moved for it', async () => {
    const rows = await trail.store.db.selectFrom('audit_entries').selectAll().orderBy('seq').execute();
    for (let seq = count; seq >= 5; seq -= 1)
      trail.tamper(`update audit_entries set seq = ${seq + 1} where seq = ${seq}`);
    await trail.write(entryNumber(99));
    const body = (await trail.store.db
      .selectFrom('audit_entries')
      .select('body')
      .where('seq', 'is', null)
      .executeTakeFirst())!.body;
    const prev = rows[3]!.hash!;
    const hash = sha256(chainText(5, prev, body));
    trail.tamper(`update audit_entries set seq = 5, prev = '${prev}', hash = '${hash}' where seq is null`);
    expect(await found()).toEqual(['inserted 5']);
  });

  it('names a row that was edited and hashed again', async () => {
    const row = (await trail.store.db.selectFrom('audit_entries').selectAll().where('seq', '=', 5).executeTakeFirst())!;
    const body = row.body.replace('entry 5', 'entry y');
    trail.tamper(
      `update audit_entries set body = '${body}', hash = '${sha256(chainText(5, row.prev!, body))}' where seq = 5`,
    );
    expect(await found()).toEqual(['edited 5']);
  });

  it('whose end was cut off, or which was hashed again from a place on, contradicts its anchors', async () => {
    const anchors = [{ ...(await chainHead(trail.store))!, at: 1, source: 'keeper' as const, jws: null }];
    trail.tamper('delete from audit_entries where seq > 10');
    expect(await found()).toEqual([]);
    expect(await found(anchors)).toEqual(['cut_off 11']);
    await trail.write(entryNumber(11), entryNumber(12), entryNumber(13));
    await trail.chain();
    expect(await found(anchors)).toEqual(['rewritten 12']);
    trail.tamper('delete from audit_entries');
    expect(await found(anchors)).toEqual(['cut_off 1']);
  });

  it('of another installation is not taken for this one’s', async () => {
    trail.tamper("update audit_chain set installation_id = 'mns_other'");
    expect(await found()).toEqual(['edited 1']);
  });

  it('tells entries that were never chained, but not those that were written just now', async () => {
    await trail.write(entryNumber(13));
    expect(await trail.verify()).toMatchObject({ ok: true, pending: 1 });
    expect(await found([], Date.now() + 120_000)).toEqual(['unchained null']);
  });

  it('tells a hundred problems at most', async () => {
    await trail.write(...Array.from({ length: 300 }, (_, index) => entryNumber(index)));
    await trail.chain();
    trail.tamper("update audit_entries set body = replace(body, 'shop', 'shap')");
    expect(await trail.verify()).toMatchObject({ ok: false, more_problems: true, problems: { length: 100 } });
  });
});

describe('a pruned chain', () => {
  const retention = { entries_max: 150, age_ms_max: 1e12 };
  const clock = { now: () => Date.now(), sleep: async () => {} };
  beforeEach(async () => {
    await trail.write(...Array.from({ length: 300 }, (_, index) => entryNumber(index)));
    await trail.chain();
  });

  it('verifies from where it begins, and still tells what else was removed', async () => {
    const anchors = [{ ...(await chainHead(trail.store))!, at: 1, source: 'keeper' as const, jws: null }];
    expect(await pruneAudit(trail.store, clock, { retention, mirrored_through: null })).toBe(162);
    // Also while the word of it waits to be chained.
    expect(await trail.verify(anchors)).toMatchObject({ ok: true, first_seq: 163, pending: 1 });
    await trail.chain();
    expect(await trail.verify(anchors)).toMatchObject({ ok: true, first_seq: 163, pending: 0, entries: 151 });
    trail.tamper('delete from audit_entries where seq = 163');
    expect(await found(anchors)).toEqual(['deleted 1']);
  });

  it('is pruned again and again, and verifies each time', async () => {
    for (let round = 0; round < 3; round += 1) {
      await pruneAudit(trail.store, clock, { retention, mirrored_through: null });
      await trail.write(...Array.from({ length: 100 }, (_, index) => entryNumber(index)));
      await trail.chain();
      expect(await found()).toEqual([]);
    }
  });

  it('keeps what is not in the mirror yet, to twice the bound', async () => {
    expect(await pruneAudit(trail.store, clock, { retention, mirrored_through: 40 })).toBe(40);
    expect(await pruneAudit(trail.store, clock, { retention, mirrored_through: 0 })).toBe(0);
    await trail.write(...Array.from({ length: 100 }, (_, index) => entryNumber(index)));
    await trail.chain();
    expect(await pruneAudit(trail.store, clock, { retention, mirrored_through: 0 })).toBe(73);
  });

  it('goes by age, too', async () => {
    const later = { ...clock, now: () => Date.now() + 10_000 };
    expect(
      await pruneAudit(trail.store, later, { retention: { entries_max: 1e6, age_ms_max: 1 }, mirrored_through: null }),
    ).toBe(212);
    await trail.chain();
    expect(await found()).toEqual([]);
  });
});
