import { createHmac } from 'node:crypto';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { verifyGrant } from '@mainstay/contract/grant';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, type Repository, startFixture } from '../testing/fixture.ts';
import { refusal } from '../testing/refusal.ts';

let at: Fixture;
let repository: Repository;
beforeEach(async () => {
  at = await startFixture();
  repository = at.repository('api');
});
afterEach(() => at.stop());

const specOf = (change: Record<string, unknown> = {}) => ({
  poll_interval_seconds: 86_400,
  services: { api: { source: { git: repository.url }, run: 'node server.js', env: { LEVEL: 'info' }, ...change } },
});

const everything = async () => {
  const { client } = at;
  return JSON.stringify([
    await client['stacks.list']({}),
    await client['operations.list']({}),
    await client['events.list']({}),
  ]);
};

describe('a plan', () => {
  it('changes nothing, and its hash holds until something changes', async () => {
    const before = await everything();
    const planned = await at.client['stacks.apply']({ stack: 'shop', spec: specOf(), dry_run: true });
    expect(planned.operation).toMatchObject({ state: 'planned', id: null });
    expect(await everything()).toBe(before);
    const again = await at.client['stacks.apply']({ stack: 'shop', spec: specOf(), dry_run: true });
    expect(again.operation.plan.hash).toBe(planned.operation.plan.hash);
    repository.commit('second');
    const error = await refusal(
      at.client['stacks.apply']({ stack: 'shop', spec: specOf(), plan_hash: planned.operation.plan.hash }),
    );
    expect(error).toMatchObject({ code: 'Conflict', field: 'plan_hash' });
    expect(await everything()).toBe(before);
  });

  it('shows what changes, value by value', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const commit = repository.git('rev-parse', 'HEAD');
    const next = repository.commit('second');
    const { operation } = await at.client['stacks.apply']({
      stack: 'shop',
      spec: specOf({ env: { LEVEL: 'debug' } }),
      dry_run: true,
    });
    expect(operation.plan.changes).toEqual([
      { action: 'update', path: 'services.api.env.LEVEL', from: 'info', to: 'debug' },
      { action: 'update', path: 'services.api.commit', from: commit, to: next },
    ]);
  });
});

describe('a stack', () => {
  it('is unchanged by applying what was exported', async () => {
    await at.client['stacks.apply']({
      stack: 'shop',
      spec: specOf({ route: { prefix: '/api', strip: true }, port: 3000 }),
    });
    const { parse } = await import('yaml');
    const { stack, ...spec } = parse((await at.client['stacks.export']({ stack: 'shop' })).yaml);
    const { operation } = await at.client['stacks.apply']({ stack, spec });
    expect(operation).toMatchObject({ state: 'succeeded', message: 'Nothing to change.', plan: { changes: [] } });
    expect((await at.client['stacks.get']({ stack: 'shop' })).stack.version).toBe(1);
  });

  it('is not changed by a source that cannot be used; the error names the field', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const before = await everything();
    const cases = [
      [{ source: { git: `${repository.url}-gone` } }, 'SourceUnavailable', 'spec.services.api.source.git'],
      [{ source: { git: repository.url, ref: 'gone' } }, 'SourceUnavailable', 'spec.services.api.source.ref'],
      [{ source: { git: repository.url, ref: 'a'.repeat(40) } }, 'SourceUnavailable', 'spec.services.api.source.ref'],
      [{ source: { git: 'ext::sh -c id' } }, 'InvalidInput', 'spec.services.api.source.git'],
      [{ source: { git: '--upload-pack=touch /tmp/x' } }, 'InvalidInput', 'spec.services.api.source.git'],
      [{ source: { git: repository.url, ref: '--upload-pack=x' } }, 'InvalidInput', 'spec.services.api.source.ref'],
      [{ source: { git: repository.url, root: '../up' } }, 'InvalidInput', 'spec.services.api.source.root'],
      [{ source: { git: 'https://me:secret@example.com/x.git' } }, 'InvalidInput', 'spec.services.api.source.git'],
      [{ secrets: ['MISSING'] }, 'InvalidInput', 'spec.services.api.secrets.0'],
      [
        { source: { git: repository.url, credential: 'missing' } },
        'InvalidInput',
        'spec.services.api.source.credential',
      ],
      [{ env: { PORT: '1' } }, 'InvalidInput', 'spec.services.api.env.PORT'],
      [{ unknown: 1 }, 'InvalidInput', 'spec.services.api.unknown'],
    ] as const;
    for (const [change, code, field] of cases) {
      const error = await refusal(at.client['stacks.apply']({ stack: 'shop', spec: specOf(change) as never }));
      expect(error, JSON.stringify(change)).toMatchObject({ code, field });
      expect(error.message).not.toContain('secret@');
    }
    expect(await everything()).toBe(before);
  });

  it.each([
    ['one path', { route: { prefix: '/' } }, { route: { prefix: '/' } }, 'services.web.route.prefix'],
    ['one port', { port: 3000 }, { port: 3000 }, 'services.web.port'],
  ])('cannot have two services with %s', async (_, api, web, field) => {
    const one = specOf(api);
    const spec = { ...one, services: { ...one.services, web: { source: { git: repository.url }, run: 'x', ...web } } };
    expect(await refusal(at.client['stacks.apply']({ stack: 'shop', spec }))).toMatchObject({
      code: 'InvalidInput',
      field: `spec.${field}`,
    });
  });

  it('that was removed can be made again under its name', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    await at.confirmed(at.client['stacks.remove']({ stack: 'shop' }));
    expect(await refusal(at.client['stacks.get']({ stack: 'shop' }))).toMatchObject({
      code: 'NotFound',
      field: 'stack',
    });
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    expect((await at.client['stacks.get']({ stack: 'shop' })).stack.version).toBe(3);
  });
});

describe('a deployment', () => {
  it('reaches a waiting server at once, signed for it, and ends by its report', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const server = await at.enrol('h1', 'shop');
    const first = await server.desired();
    expect(first.status).toBe(200);
    await server.report(first.offer!, 'succeeded');
    expect((await server.desired(first.etag)).status).toBe(304);
    const waiting = server.desired(first.etag, 20);
    const commit = repository.commit('second');
    const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
    expect(operation).toMatchObject({ state: 'running', version: 2, targets: [{ server: 'h1', state: 'waiting' }] });
    const { offer } = await waiting;
    expect(offer!.document.services['api']!.source.commit).toBe(commit);
    const verified = await verifyGrant(offer!.grant, {
      keys: server.keeper_keys,
      audience: server.server_id,
      now_ms: Date.now(),
    });
    expect(verified).toMatchObject({
      ok: true,
      grant: { action: { kind: 'desired_state', version: 2, sha256: offer!.sha256 } },
    });
    const ended = at.ended(operation.id!);
    await server.report(offer!, 'succeeded');
    expect(await ended).toMatchObject({
      state: 'succeeded',
      targets: [{ server: 'h1', state: 'succeeded' }],
    });
    expect((await at.client['stacks.get']({ stack: 'shop' })).stack).toMatchObject({
      health: 'healthy',
      serving_version: 2,
    });
  });

  it('that failed leaves what served in force, and is tried again when it is asked for again', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const server = await at.enrol('h1', 'shop');
    await server.report((await server.desired()).offer!, 'succeeded');
    const broken = specOf({ run: 'node broken.js' });
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: broken });
    await server.report((await server.desired()).offer!, 'failed', 'api exited with code 1');
    expect(await at.ended(operation.id!)).toMatchObject({ state: 'failed', message: 'h1: api exited with code 1' });
    const { stack, spec } = await at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ health: 'degraded', version: 2, serving_version: 1 });
    expect(spec.services['api']!.run).toBe('node server.js');
    const again = await at.client['stacks.apply']({ stack: 'shop', spec: broken });
    expect(again.operation).toMatchObject({ state: 'running', version: 3 });
  });

  it('ends by a report that comes after the control plane was restarted', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const server = await at.enrol('h1', 'shop');
    const { offer } = await server.desired();
    await server.report(offer!, 'succeeded');
    const { operation } = await at.client['stacks.deploy']({ stack: 'shop', restart: true });
    const next = await server.desired();
    await at.restart();
    await server.report(next.offer!, 'succeeded', null, at.plane.url);
    expect(await at.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
  });

  it('is made once by requests that carry one idempotency key, and its first answer is given again', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    await at.enrol('h1', 'shop');
    const request = { stack: 'shop', restart: true, idempotency_key: 'once' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => at.client['stacks.deploy'](request)));
    expect(new Set(answers.map((answer) => answer.operation.id)).size).toBe(1);
    expect((await at.client['stacks.get']({ stack: 'shop' })).stack.version).toBe(2);
    const error = await refusal(at.client['stacks.deploy']({ ...request, restart: false }));
    expect(error).toMatchObject({ code: 'Conflict', field: 'idempotency_key' });
  });

  it('of what is already so does nothing and says so', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
    expect(operation).toMatchObject({ state: 'succeeded', message: 'Nothing to change.' });
    expect((await at.client['stacks.get']({ stack: 'shop' })).stack.version).toBe(1);
  });
});

describe('a rollback', () => {
  it('restores commit and configuration together, and holds them until the next deploy', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const first = (await at.client['stacks.get']({ stack: 'shop' })).commits['api'];
    const second = repository.commit('second');
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf({ env: { LEVEL: 'debug' } }) });
    await at.client['stacks.rollback']({ stack: 'shop' });
    const back = await at.client['stacks.get']({ stack: 'shop' });
    expect(back.commits['api']).toBe(first);
    expect(back.spec.services['api']!.env).toEqual({ LEVEL: 'info' });
    expect(back.stack.held_services).toEqual({ api: 'rolled back to version 1' });
    const applied = await at.client['stacks.apply']({ stack: 'shop', spec: back.spec });
    expect(applied.operation.plan.changes).toEqual([]);
    await at.client['stacks.deploy']({ stack: 'shop' });
    const after = await at.client['stacks.get']({ stack: 'shop' });
    expect(after.commits['api']).toBe(second);
    expect(after.stack.held_services).toEqual({});
  });

  it('to a version that is not there, or with nothing before it, is refused', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    expect(await refusal(at.client['stacks.rollback']({ stack: 'shop' }))).toMatchObject({
      code: 'Conflict',
      field: 'version',
    });
    expect(await refusal(at.client['stacks.rollback']({ stack: 'shop', version: 9 }))).toMatchObject({
      code: 'NotFound',
      field: 'version',
    });
  });
});

describe('refs', () => {
  it('are followed when a signed webhook reports a push, and not when its signature is wrong', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const { result } = await at.client['stacks.enable_webhook']({ stack: 'shop' });
    const commit = repository.commit('second');
    const body = JSON.stringify({ ref: 'refs/heads/main' });
    const push = (headers: Record<string, string>) =>
      at.http(result!.path, { method: 'POST', token: null, body, headers });
    const signed = (secret: string) => createHmac('sha256', secret).update(body).digest('hex');
    expect((await push({ 'x-hub-signature-256': `sha256=${signed('wrong')}` })).status).toBe(401);
    expect((await push({ 'x-gitlab-token': 'wrong' })).status).toBe(401);
    expect((await push({})).status).toBe(401);
    expect((await at.client['stacks.get']({ stack: 'shop' })).commits['api']).not.toBe(commit);
    expect((await push({ 'x-hub-signature-256': `sha256=${signed(result!.secret!)}` })).status).toBe(202);
    const commitOf = async () => (await at.client['stacks.get']({ stack: 'shop' })).commits['api'];
    await vi.waitFor(async () => expect(await commitOf()).toBe(commit), 10_000);
    const third = repository.commit('third');
    expect((await push({ 'x-gitlab-token': result!.secret! })).status).toBe(202);
    await vi.waitFor(async () => expect(await commitOf()).toBe(third), 10_000);
    const fourth = repository.commit('fourth');
    expect((await push({ 'x-gitea-signature': signed(result!.secret!) })).status).toBe(202);
    await vi.waitFor(async () => expect(await commitOf()).toBe(fourth), 10_000);
    const { operations } = await at.client['operations.list']({ stack: 'shop' });
    expect(operations[0]).toMatchObject({ operation: 'stacks.deploy', actor: { kind: 'webhook', proof: 'signature' } });
    const { events } = await at.client['events.list']({ stack: 'shop', operation_id: operations[0]!.id! });
    expect(events.find(({ kind }) => kind === 'stack.ref_moved')).toMatchObject({
      message: 'New commits for stack shop: api.',
      actor: 'webhook',
    });
  });

  it('that moved are told only when the deployment was allowed', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const { result } = await at.client['stacks.enable_webhook']({ stack: 'shop' });
    // A keeper that did not sign what serves cannot tell that only commits move.
    rmSync(join(at.home, 'keeper'), { recursive: true });
    await at.restart();
    repository.commit('second');
    const headers = { 'x-gitlab-token': result!.secret! };
    await at.http(result!.path, { method: 'POST', token: null, body: '{}', headers });
    const kinds = async () =>
      (await at.client['events.list']({ stack: 'shop', limit: 1_000 })).events.map(({ kind }) => kind);
    await vi.waitFor(async () => expect(await kinds()).toContain('operation.denied'), 15_000);
    expect(await kinds()).not.toContain('stack.ref_moved');
  });

  it('that cannot be read are told once, also by a control plane that was started again, and once when they can', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf() });
    const { result } = await at.client['stacks.enable_webhook']({ stack: 'shop' });
    const headers = { 'x-gitlab-token': result!.secret! };
    const push = () => at.http(result!.path, { method: 'POST', token: null, body: '{}', headers });
    const told = async () =>
      (await at.client['events.list']({ stack: 'shop', kind: ['stack.'] })).events
        .map(({ kind, severity }) => `${kind} ${severity}`)
        .join(', ');
    renameSync(repository.url, `${repository.url}.away`);
    await push();
    await vi.waitFor(async () => expect(await told()).toBe('stack.source_unavailable warning'), 15_000);
    await at.restart();
    await push();
    renameSync(`${repository.url}.away`, repository.url);
    repository.commit('second');
    await push();
    await vi.waitFor(async () => expect(await told()).toMatch(/stack.ref_moved info$/), 15_000);
    expect(await told()).toBe('stack.source_unavailable warning, stack.source_available notice, stack.ref_moved info');
  });

  it('of tags and full commits are resolved to the commit behind them', async () => {
    const commit = repository.git('rev-parse', 'HEAD');
    repository.git('tag', '-a', 'v1', '-m', 'one');
    repository.commit('second');
    for (const ref of ['v1', commit, 'refs/tags/v1']) {
      await at.client['stacks.apply']({
        stack: `s${ref.length}`,
        spec: specOf({ source: { git: repository.url, ref } }),
      });
      expect((await at.client['stacks.get']({ stack: `s${ref.length}` })).commits['api']).toBe(commit);
    }
  });
});

describe('secrets', () => {
  it('reach only a server of their stack, bound to the signed document, and stand nowhere in plain', async () => {
    await at.client['secrets.set']({ stack: 'shop', name: 'DATABASE_URL', value: 'hunter2-hunter2' });
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf({ secrets: ['DATABASE_URL'] }) });
    const mine = await at.enrol('h1', 'shop');
    const other = await at.enrol('h2');
    const { offer } = await mine.desired();
    const commitment = offer!.document.services['api']!.secrets['DATABASE_URL']!;
    const ask = async (server: typeof mine) =>
      (await server.send('POST', '/secrets', { commitments: [commitment] })).json();
    const { commitmentOf } = await import('@mainstay/contract/canonical');
    const given = ((await ask(mine)) as { secrets: Record<string, { key: string; value: string }> }).secrets[
      commitment
    ]!;
    expect(given.value).toBe('hunter2-hunter2');
    expect(await commitmentOf(given.key, given.value)).toBe(commitment);
    expect(await ask(other)).toEqual({ secrets: {} });
    const { readdirSync, readFileSync } = await import('node:fs');
    const files = readdirSync(at.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      expect(readFileSync(`${file.parentPath}/${file.name}`).includes('hunter2'), file.name).toBe(false);
    }
  });

  it('that changed are taken up by the next deploy of a person, and never by a ref that moved', async () => {
    await at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'one' });
    await at.client['stacks.apply']({ stack: 'shop', spec: specOf({ secrets: ['KEY'] }) });
    await at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'two' });
    const { operation } = await at.client['stacks.deploy']({ stack: 'shop', dry_run: true });
    expect(operation.plan.changes).toEqual([{ action: 'update', path: 'services.api.secrets.KEY', note: 'new value' }]);
    expect(await refusal(at.client['secrets.remove']({ stack: 'shop', name: 'KEY' }))).toMatchObject({
      code: 'Conflict',
    });
  });
});
