import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@mainstay/contract/client';
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { default_policy_file } from '@mainstay/keeper/policy/default-policies';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

const oneApproval = `schema: 1
rules:
  - name: production
    match: { operations: [stacks.apply, stacks.deploy, servers.invite] }
    effect: require
    require: { approvals: 1, role: approver }
`;
const policies = { 'default.yaml': default_policy_file.text, 'production.yaml': oneApproval };

let at: Fixture;
afterEach(() => at.stop());

const spec = (level = 'info') => ({
  services: { api: { source: { git: repository.url }, run: 'node server.js', env: { LEVEL: level } } },
});
let repository: ReturnType<Fixture['repository']>;

/** Another person, with a token of their own. */
async function person(name: string, role: 'admin' | 'deployer' | 'approver' | 'viewer') {
  const { result } = await at.client['access.create_user']({ name, role });
  const key = new URL(result!.url!).hash.slice('#sign-in='.length);
  const signedIn = await fetch(`${at.plane.url}/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key }),
  });
  const Cookie = signedIn.headers.get('set-cookie')!.split(';')[0]!;
  const made = await fetch(`${at.plane.url}/api/v1/access/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', Cookie },
    body: JSON.stringify({ name: 'test' }),
  });
  const { result: token } = (await made.json()) as { result: { token: string } };
  return createClient({ url: at.plane.url, token: token.token });
}

describe('an operation that policy wants approved', () => {
  beforeEach(async () => {
    at = await startFixture({ policies });
    repository = at.repository('api');
  });

  it('is refused where its proposer has hundreds that are undecided, and others go on', async () => {
    const admin = await person('adam', 'admin');
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const database = openSqlite(join(at.home, 'mainstay.db'));
    const { names } = database
      .prepare("SELECT group_concat(name) AS names FROM pragma_table_info('operations') WHERE name <> 'id'")
      .get() as { names: string };
    const clone = database.prepare(
      `INSERT INTO operations (id, ${names}) SELECT ?, ${names} FROM operations WHERE id = ?`,
    );
    for (let n = 1; n < 200; n++) clone.run(`op_${String(n).padStart(32, '0')}`, operation.id!);
    database.close();
    await expect(at.client['stacks.apply']({ stack: 'blog', spec: spec() })).rejects.toMatchObject({
      code: 'RateLimited',
      message: expect.stringContaining('200'),
    });
    // What changes nothing is no matter, and neither is another person's.
    expect(await at.client['stacks.apply']({ stack: 'blog', spec: spec(), dry_run: true })).toBeTruthy();
    expect((await admin['stacks.apply']({ stack: 'blog', spec: spec() })).operation.state).toBe('waiting');
  });

  it('changes nothing until another person approves its plan, and is then carried out as it was planned', async () => {
    const approver = await person('ada', 'approver');
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    expect(operation).toMatchObject({
      state: 'waiting',
      requirement: { policy: 'production/production', approvals: 1, role: 'approver' },
      approvals: [],
    });
    expect((await at.client['stacks.list']({})).stacks).toEqual([]);
    repository.commit('pushed while it waits');
    const word = { id: operation.id!, plan_hash: operation.plan.hash };
    await expect(at.client['operations.approve'](word)).rejects.toMatchObject({ code: 'Forbidden' });
    await expect(approver['operations.approve']({ ...word, plan_hash: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'Conflict',
    });
    await approver['operations.approve']({ ...word, reason: 'looks right' });
    expect(await at.ended(operation.id!)).toMatchObject({
      state: 'succeeded',
      approvals: [{ verdict: 'approve', reason: 'looks right', actor: { name: 'ada', proof: 'token' } }],
    });
    // The commit is the one that was approved, not the one that came after.
    const change = operation.plan.changes.find(({ path }) => path === 'services.api')!;
    const { commits } = await at.client['stacks.get']({ stack: 'shop' });
    expect(JSON.stringify(change.to)).toContain(commits['api']!);
    const { entries } = await at.client['audit.list']({ operation_id: operation.id! });
    expect([...new Set(entries.map(({ kind }) => kind))].sort()).toEqual(
      [
        'operation.proposed',
        'operation.waiting',
        'approval.given',
        'operation.approved',
        'operation.signed',
        'operation.succeeded',
        'step.succeeded',
      ].sort(),
    );
  });

  it('is rejected with a reason, and nothing was done', async () => {
    const approver = await person('ada', 'approver');
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const word = { id: operation.id!, plan_hash: operation.plan.hash, reason: 'not on a Friday' };
    const { operation: after } = await approver['operations.reject'](word);
    expect(after).toMatchObject({ state: 'rejected', message: expect.stringContaining('not on a Friday') });
    expect((await at.client['stacks.list']({})).stacks).toEqual([]);
    await expect(approver['operations.approve'](word)).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('is carried out once by two approvals at the same moment', async () => {
    const [ada, bob] = [await person('ada', 'approver'), await person('bob', 'admin')];
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const word = { id: operation.id!, plan_hash: operation.plan.hash };
    const words = await Promise.allSettled([ada['operations.approve'](word), bob['operations.approve'](word)]);
    expect(words.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1);
    expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
    expect((await at.client['stacks.versions']({ stack: 'shop' })).versions).toHaveLength(1);
  });

  it('whose plan no longer holds when it is approved stops with Conflict, and says what moved', async () => {
    const approver = await person('ada', 'approver');
    const approve = async ({ id, plan }: { id: string | null; plan: { hash: string } }) => {
      await approver['operations.approve']({ id: id!, plan_hash: plan.hash });
      return at.ended(id!);
    };
    const first = (await at.client['stacks.apply']({ stack: 'shop', spec: spec() })).operation;
    const second = (await at.client['stacks.apply']({ stack: 'shop', spec: spec('debug') })).operation;
    expect(await approve(first)).toMatchObject({ state: 'succeeded' });
    expect(await approve(second)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('stack/shop went from revision 0 to 1'),
    });
    expect((await at.client['stacks.get']({ stack: 'shop' })).spec.services['api']!.env).toEqual({ LEVEL: 'info' });
  });

  it('can be taken back by its proposer and not by another deployer', async () => {
    const deployer = await person('dora', 'viewer');
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    await expect(deployer['operations.cancel']({ id: operation.id! })).rejects.toMatchObject({ code: 'Forbidden' });
    const { operation: after } = await at.client['operations.cancel']({ id: operation.id! });
    expect(after.state).toBe('cancelled');
    const approver = await person('ada', 'approver');
    const word = { id: operation.id!, plan_hash: operation.plan.hash };
    await expect(approver['operations.approve'](word)).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('of somebody who may not do it any more is not carried out, though it was approved', async () => {
    const [ada, dora] = [await person('ada', 'approver'), await person('dora', 'deployer')];
    const { operation } = await dora['stacks.apply']({ stack: 'shop', spec: spec() });
    expect(operation.state).toBe('waiting');
    await at.client['access.set_role']({ user: 'dora', role: 'viewer' });
    await ada['operations.approve']({ id: operation.id!, plan_hash: operation.plan.hash });
    expect(await at.ended(operation.id!)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('dora may not'),
    });
    expect((await at.client['stacks.list']({})).stacks).toEqual([]);
  });

  it('gives its one-time result to its proposer, once', async () => {
    const approver = await person('ada', 'approver');
    const { operation, result } = await at.client['servers.invite']({ server: 'h1', idempotency_key: 'once' });
    expect([operation.state, result]).toEqual(['waiting', null]);
    expect((await at.client['servers.invite']({ server: 'h1', idempotency_key: 'once' })).operation.id).toBe(
      operation.id,
    );
    await approver['operations.approve']({ id: operation.id!, plan_hash: operation.plan.hash });
    await at.ended(operation.id!);
    await expect(approver['operations.collect']({ id: operation.id! })).rejects.toMatchObject({ code: 'Forbidden' });
    const collected = (await at.client['operations.collect']({ id: operation.id! })).result as { token: string | null };
    expect(collected.token).toMatch(/^mst_/);
    const again = (await at.client['operations.collect']({ id: operation.id! })).result as { token: string | null };
    expect(again.token).toBeNull();
    const database = openSqlite(join(at.home, 'mainstay.db'));
    const text = JSON.stringify(database.prepare('select * from operations').all());
    database.close();
    expect(text).not.toContain(collected.token);
  });
});

it('a policy about a stack holds for its secrets and for servers that are invited to it', async () => {
  const closed = `schema: 1
rules:
  - name: closed
    match: { target: { stacks: [shop] } }
    effect: deny
    reason: The shop is closed.
`;
  at = await startFixture({ policies: { 'default.yaml': default_policy_file.text } });
  repository = at.repository('api');
  await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
  await at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'v' });
  writeFileSync(join(at.folder_of_policies, 'closed.yaml'), closed);
  await vi.waitFor(async () => expect((await at.client['policies.get']({})).policies.files).toHaveLength(2), 20_000);
  const denied = { operation: { state: 'denied', message: 'The shop is closed.' } };
  expect(await at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'w' })).toMatchObject(denied);
  expect(await at.client['secrets.remove']({ stack: 'shop', name: 'KEY' })).toMatchObject(denied);
  expect(await at.client['servers.invite']({ server: 'h1', stack: 'shop' })).toMatchObject(denied);
  expect(await at.client['servers.invite']({ server: 'h1' })).toMatchObject({ operation: { state: 'succeeded' } });
});

describe('a keeper that is away', () => {
  const away = { is: false };
  const unavailable = () => new AppError('Unavailable', 'The keeper does not answer.');
  beforeEach(async () => {
    away.is = false;
    const keeper = (real: KeeperApi): KeeperApi =>
      new Proxy(real, {
        get: (target, name: keyof KeeperApi) =>
          away.is ? () => Promise.reject(unavailable()) : (target[name] as () => unknown).bind(target),
      });
    at = await startFixture({ keeper });
    repository = at.repository('api');
  });

  it('leaves changes waiting and reads working, and they are carried out when it is back', async () => {
    away.is = true;
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    expect(operation).toMatchObject({ state: 'proposed', message: expect.stringContaining('keeper is away') });
    expect((await at.client['stacks.list']({})).stacks).toEqual([]);
    away.is = false;
    expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
  });
});

describe('whoever writes to the database', () => {
  beforeEach(async () => {
    at = await startFixture({ policies });
    repository = at.repository('api');
  });
  const write = (sql: string, ...values: (string | null)[]) => {
    const database = openSqlite(join(at.home, 'mainstay.db'));
    database.prepare(sql).run(...values);
    database.close();
  };

  it('cannot have an operation carried out that the keeper did not sign', async () => {
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    write("update operations set state = 'approved' where id = ?", operation.id);
    await at.restart();
    expect(await at.ended(operation.id!)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('nobody signed it'),
    });
    expect((await at.client['stacks.list']({})).stacks).toEqual([]);
    const { entries } = await at.client['audit.list']({ operation_id: operation.id! });
    expect(entries.map(({ kind }) => kind)).toContain('operation.refused');
  });

  it('cannot lend one operation the signature of another', async () => {
    const honest = await at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'v' });
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    write(
      "update operations set state = 'approved', grant_jws = (select grant_jws from operations where id = ?) where id = ?",
      honest.operation.id,
      operation.id,
    );
    await at.restart();
    expect(await at.ended(operation.id!)).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('another operation'),
    });
    expect((await at.client['stacks.list']({})).stacks).toEqual([]);
  });
});

describe('a plan', () => {
  it('changes no byte of the state', async () => {
    at = await startFixture();
    repository = at.repository('api');
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const contents = () => {
      const database = openSqlite(join(at.home, 'mainstay.db'));
      const tables = database
        .prepare("select name from sqlite_master where type = 'table' and name not like 'run_workers'")
        .all();
      const all = tables.map(({ name }) => [name, database.prepare(`select * from "${String(name)}"`).all()]);
      database.close();
      return JSON.stringify(all);
    };
    await vi.waitFor(async () => expect((await at.client['audit.head']({})).pending).toBe(0), 10_000);
    const before = contents();
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec('debug'), dry_run: true });
    expect(operation).toMatchObject({ id: null, state: 'planned' });
    expect(contents()).toBe(before);
  });
});

it('an operation that waits for its servers rests until they report', async () => {
  at = await startFixture();
  repository = at.repository('api');
  await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
  const server = await at.enrol('h1', 'shop');
  const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: spec('debug') });
  expect(operation.state).toBe('running');
  const observe = async () => {
    const { nodes } = await at.client['runs.get']({ id: operation.run_id! });
    return nodes.find(({ key }) => key === 'observe')!;
  };
  await expect.poll(observe).toMatchObject({ state: 'parked' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await observe()).attempt).toBeLessThan(5);
  await server.report((await server.desired()).offer!, 'succeeded');
  expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
});
