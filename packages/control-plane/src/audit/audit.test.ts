/** The audit trail of a running control plane: what leaves entries, who may read them, and what can be taken away to be verified. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createExportReader } from '@mainstay/contract/audit-export';
import { verifyChain } from '@mainstay/contract/audit-verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { csvCell } from './audit-download.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
  await fixture.client['secrets.set']({ stack: 'shop', name: 'API_KEY', value: 'a-very-secret-value' });
});
afterAll(() => fixture.stop());

const exported = async (query = '') => {
  const response = await fixture.http(`/api/v1/audit/export${query}`);
  return { response, text: await response.text() };
};
const verified = async (text: string) => {
  const reader = createExportReader();
  const links = text.split('\n').flatMap((line) => reader.link(line) ?? []);
  const header = reader.header()!;
  const { genesis, anchors } = header;
  return { header, end: reader.end(), report: await verifyChain(links, { genesis, anchors, now_ms: Date.now() }) };
};
const until = async (holds: () => Promise<boolean>) => {
  for (let round = 0; round < 400 && !(await holds()); round += 1) await new Promise((done) => setTimeout(done, 50));
  expect(await holds()).toBe(true);
};

describe('a running control plane', () => {
  it('has an entry for each step of a change, for a sign-in and for a refused one, none with a secret', async () => {
    const { result } = await fixture.client['access.create_sign_in_link']({});
    const key = new URL(result!.url!).hash.replace(/^#.*?(msl_[\w-]+).*$/, '$1');
    const signIn = (value: string) =>
      fixture.http('/auth/sign-in', { method: 'POST', token: null, body: JSON.stringify({ key: value }) });
    expect((await signIn(key)).status).toBe(200);
    expect((await signIn(key)).status).toBe(401);
    const { entries } = await fixture.client['audit.list']({ limit: 1_000 });
    const kinds = entries.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['operation.proposed', 'access.signed_in', 'access.refused']));
    const signed_in = entries.find(({ kind }) => kind === 'access.signed_in');
    expect(signed_in).toMatchObject({ actor: { kind: 'user', proof: 'session' }, outcome: 'succeeded' });
    expect(JSON.stringify(entries)).not.toMatch(/a-very-secret-value|msl_|mss_|mtk_/);
    const refused = await fixture.client['audit.list']({ kind: ['access.'], outcome: 'refused' });
    expect(refused.entries.map(({ kind, actor }) => [kind, actor])).toEqual([['access.refused', null]]);
    expect((await fixture.client['audit.list']({ actor: 'nobody' })).entries).toEqual([]);
  });

  it('has an entry for each step of a run, and for the receipt of each server', async () => {
    const { url: git } = fixture.repository('web');
    const spec = (version: string) => ({
      services: { web: { source: { git }, run: 'node server.js', env: { VERSION: version } } },
    });
    await fixture.client['stacks.apply']({ stack: 'web', spec: spec('1') });
    const server = await fixture.enrol('h1', 'web');
    const applied = await fixture.client['stacks.apply']({ stack: 'web', spec: spec('2') });
    const { offer } = await server.desired('', 5);
    await server.report(offer!, 'succeeded');
    const operation = await fixture.ended(applied.operation.id!);
    const { entries } = await fixture.client['audit.list']({ operation_id: operation.id!, limit: 100 });
    const steps = entries.filter(({ kind }) => kind.startsWith('step.')).map(({ target }) => target);
    expect(steps).toContain('step/carry_out');
    expect(entries.find(({ kind }) => kind === 'receipt')).toMatchObject({
      ...{ target: 'server/h1', outcome: 'succeeded', plan_hash: operation.plan.hash, run_id: operation.run_id },
      ...{ actor: { kind: 'server', name: 'h1', id: server.server_id } },
      data: { state: 'succeeded', version: 2, sha256: offer!.sha256 },
    });
  });

  it('anchors its chain with the keeper, mirrors it in signed commits, and says so', async () => {
    await until(async () => {
      const { mirror, anchors, pending } = await fixture.client['audit.head']({});
      return pending === 0 && anchors.length === 2 && mirror?.problem === null && mirror.commit !== null;
    });
    const report = await fixture.client['audit.verify']({});
    expect(report).toMatchObject({ ok: true, complete: true, keeper_reached: true, problems: [] });
    expect(report.anchors_checked).toBeGreaterThan(1);
    const repository = join(fixture.home, 'audit-mirror', 'repository.git');
    execFileSync('git', ['-C', repository, 'verify-commit', 'main'], { stdio: 'pipe' });
  });

  it('goes on verifying from where a walk ended', async () => {
    const { entries } = await fixture.client['audit.list']({ limit: 3 });
    const { seq, hash } = entries[0]!;
    const report = await fixture.client['audit.verify']({ after: seq!, after_hash: hash! });
    expect(report).toMatchObject({ ok: true, first_seq: seq! + 1 });
    await expect(fixture.client['audit.verify']({ after: 1 })).rejects.toMatchObject({ field: 'after_hash' });
    const other = await fixture.client['audit.verify']({ after: seq!, after_hash: '0'.repeat(64) });
    expect(other).toMatchObject({ ok: false, problems: [{ seq }] });
  });

  it('gives an export that verifies by itself, and tells when a line of it is changed, gone, moved or put in', async () => {
    const { response, text } = await exported();
    expect(response.headers.get('content-disposition')).toMatch(/attachment; filename="audit-.*\.jsonl"/);
    const { header, report, end } = await verified(text);
    expect(header.whole).toBe(true);
    expect(report).toMatchObject({ ok: true, problems: [], head: end });
    const lines = text.trimEnd().split('\n');
    const kindsOf = async (changed: string[]) =>
      (await verified(changed.join('\n'))).report.problems.map(({ kind, seq }) => `${kind} ${seq}`);
    const at = (index: number) => lines[index]!;
    expect(await kindsOf(lines.with(2, at(2).replace('"kind":"', '"kind":"x')))).toEqual(['edited 2']);
    expect(await kindsOf(lines.toSpliced(2, 1))).toEqual(['deleted 2']);
    expect(await kindsOf(lines.toSpliced(2, 2, at(3), at(2)))).toEqual(['reordered 2']);
    expect(await kindsOf(lines.toSpliced(3, 0, at(2)))).toEqual(['inserted 2']);
    expect((await verified(lines.slice(0, -1).join('\n'))).end).toBeNull();
    expect(await kindsOf(lines.with(2, '{"body":'))).toEqual(['deleted 2', 'edited null']);
  });

  it('marks a filtered export, and refuses what it does not know', async () => {
    expect((await verified((await exported('?kind=access.')).text)).header.whole).toBe(false);
    const { response, text } = await exported('?kind=nothing');
    expect([response.status, JSON.parse(text).field]).toEqual([400, 'kind.0']);
    expect((await fixture.http('/api/v1/audit/export', { token: null })).status).toBe(401);
  });

  it('gives CSV of which no cell is a formula', async () => {
    const { text } = await exported('?format=csv');
    expect(text.split('\r\n')[0]).toMatch(/^seq,id,at,kind,/);
    expect(text.split('\r\n').length).toBeGreaterThan(3);
    const cells = ['=1+1', '+a', '-a', '@a', '\ta', '\ra', 'a,"b"\nc', 'plain', 12, -3, null];
    expect(cells.map(csvCell)).toEqual([
      "'=1+1",
      "'+a",
      "'-a",
      "'@a",
      "'\ta",
      `"'\ra"`,
      '"a,""b""\nc"',
      'plain',
      '12',
      '-3',
      '',
    ]);
  });

  it('holds the ledger of the keeper against what the chain noted of it', async () => {
    await until(async () => {
      const { entries } = await fixture.client['audit.list']({ kind: ['keeper.anchored'] });
      return entries.length > 0 && entries.every(({ seq }) => seq !== null);
    });
    const noted = (await fixture.client['audit.list']({ kind: ['keeper.anchored'] })).entries.at(-1)!;
    expect(await fixture.client['audit.verify']({})).toMatchObject({ ok: true });
    const database = new DatabaseSync(join(fixture.home, 'keeper', 'ledger.db'));
    const change = (text: string) => database.exec(`update ledger set ${text}`);
    const { seq } = noted.data as { seq: number };
    change(`hash = replace(hash, substr(hash, 1, 8), 'ffffffff') where seq = ${seq}`);
    const { ok, problems } = await fixture.client['audit.verify']({});
    expect([ok, problems]).toMatchObject([false, [{ kind: 'keeper_ledger', seq: noted.seq, id: noted.id }]]);
    change(`hash = '${String(noted.data['hash'])}' where seq = ${seq}`);
    database.close();
    expect(await fixture.client['audit.verify']({})).toMatchObject({ ok: true });
  });

  it('chains on after a restart, and names the row that was changed in its database', async () => {
    await fixture.restart();
    await fixture.client['secrets.set']({ stack: 'shop', name: 'SECOND', value: 'x' });
    await until(async () => (await fixture.client['audit.head']({})).pending === 0);
    expect(await fixture.client['audit.verify']({})).toMatchObject({ ok: true });
    const database = new DatabaseSync(join(fixture.home, 'mainstay.db'));
    database.exec("update audit_entries set body = replace(body, 'kind', 'kimd') where seq = 2");
    database.exec("update audit_entries set body = '{' || body where seq = 3");
    database.close();
    const { problems } = await fixture.client['audit.verify']({});
    const edited = (seq: number) => ({ kind: 'edited', seq, id: expect.stringMatching(/^aud_/) });
    expect(problems).toMatchObject([edited(2), edited(3)]);
    const { entries } = await fixture.client['audit.list']({ limit: 1_000 });
    expect(entries.find(({ seq }) => seq === 3)?.data['message']).toMatch(/damaged/);
  });
});

it('runs without a mirror where that is wanted', async () => {
  const other = await startFixture();
  writeFileSync(join(other.home, 'audit-mirror.yaml'), 'enabled: false\n');
  await other.restart();
  expect((await other.client['audit.head']({})).mirror).toBeNull();
  await other.stop();
});
