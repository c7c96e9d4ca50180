import { createClient } from '@mainstay/contract/client';
import type { Role } from '@mainstay/contract/operation';
import { systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { createPerson } from '../testing/person.ts';
import { refusal } from '../testing/refusal.ts';
import { last_used_every_ms } from './access-store.ts';

const start = 1_800_000_000_000;
let now: number;
let at: Fixture;
beforeEach(async () => {
  now = start;
  at = await startFixture({ clock: { ...systemClock, now: () => now } });
});
afterEach(() => at.stop());

const cookieOf = (response: Response) => (response.headers.get('set-cookie') ?? '').split(';')[0]!;

/** Signs in by a link; gives the cookie, or the refusal's status. */
async function signIn(url: string | null | undefined, user_agent = 'test'): Promise<string> {
  const key = url?.split('#sign-in=')[1];
  const body = JSON.stringify({ key });
  const headers = { 'user-agent': user_agent };
  const response = await at.http('/auth/sign-in', { method: 'POST', token: null, body, headers });
  if (!response.ok) throw new Error(String(response.status));
  return cookieOf(response);
}

/** A person and their client, by a token of their own. */
async function join(name: string, role: Role) {
  const { result } = await at.client['access.create_user']({ name, role });
  const cookie = await signIn(result?.url);
  const made = await at.http('/api/v1/access/tokens', {
    method: 'POST',
    token: null,
    headers: { cookie },
    body: JSON.stringify({ name: 'test' }),
  });
  const { token } = ((await made.json()) as { result: { token: string } }).result;
  return { cookie, token, client: createClient({ url: at.plane.url, token }) };
}

const codesOf = (calls: Promise<unknown>[]) => Promise.all(calls.map(async (call) => (await refusal(call)).code));

const withCookie = (cookie: string, path: string) => at.http(path, { token: null, headers: { cookie } });

describe('a person', () => {
  it('is added with a role, signs in once by the link, and is named by events and operations', async () => {
    const { result, operation } = await at.client['access.create_user']({ name: 'ada', role: 'deployer' });
    expect(operation.plan.summary).toBe('Add ada as deployer');
    const cookie = await signIn(result?.url);
    await expect(signIn(result?.url)).rejects.toThrow('401');
    const who = await (await withCookie(cookie, '/api/v1/whoami')).json();
    expect(who).toMatchObject({ actor: { name: 'ada', role: 'deployer', proof: 'session' } });
    const { events } = await at.client['events.list']({ kind: ['access.'] });
    expect(events.map(({ kind, actor, message }) => [kind, actor, message])).toEqual([
      ['access.signed_in', 'ada', 'ada signed in with a link.'],
      ['access.refused', null, 'A sign-in link was refused: unknown, used or expired.'],
    ]);
    const { users } = await at.client['access.list_users']({});
    expect(users.map(({ name, role, sessions, tokens }) => [name, role, sessions, tokens])).toEqual([
      ['ada', 'deployer', 1, 0],
      ['owner', 'owner', 0, 1],
    ]);
  });

  it('of the same name but for letter case, or with a name that could mislead, is refused', async () => {
    await at.client['access.create_user']({ name: 'Ada', role: 'viewer' });
    const again = await refusal(at.client['access.create_user']({ name: 'aDA', role: 'viewer' }));
    expect(again).toMatchObject({ code: 'Conflict', field: 'name' });
    for (const name of ['', ' ada', 'a\u202eda', 'аda', 'webhook', 'System', '-a', 'x'.repeat(65), 'a\nb']) {
      const error = await refusal(at.client['access.create_user']({ name, role: 'viewer' }));
      expect(error).toMatchObject({ code: 'InvalidInput', field: 'name' });
    }
  });

  it('that is made twice at the same moment is made once', async () => {
    const made = await Promise.allSettled(
      ['ada', 'ADA', 'Ada'].map((name) => at.client['access.create_user']({ name, role: 'viewer' })),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await at.client['access.list_users']({})).users).toHaveLength(2);
  });

  it('may do what the role says, over HTTP and MCP alike', async () => {
    const { client, token } = await join('vera', 'viewer');
    expect((await client['stacks.list']({})).stacks).toEqual([]);
    const error = await refusal(client['secrets.set']({ stack: 'shop', name: 'A', value: 'b' }));
    expect(error.code).toBe('Forbidden');
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call' };
    const headers = { accept: 'application/json, text/event-stream' };
    const overMcp = async (name: string, args: object) => {
      const body = JSON.stringify({ ...call, params: { name, arguments: args } });
      return (await at.http('/mcp', { method: 'POST', token, headers, body })).text();
    };
    expect(await overMcp('stacks_list', {})).toContain('stacks');
    expect(await overMcp('secrets_set', { stack: 'shop', name: 'A', value: 'b' })).toContain('Forbidden');
  });
});

describe('nobody goes above themselves', () => {
  it('an admin neither makes nor changes nor removes nor becomes an owner', async () => {
    const { client } = await join('adam', 'admin');
    const calls = [
      client['access.create_user']({ name: 'eve', role: 'owner' }),
      client['access.set_role']({ user: 'adam', role: 'owner' }),
      client['access.set_role']({ user: 'owner', role: 'viewer' }),
      client['access.remove_user']({ user: 'owner' }),
      client['access.create_sign_in_link']({ user: 'owner' }),
      client['access.list_sessions']({ user: 'owner' }),
      client['access.list_tokens']({ user: 'owner' }),
      client['access.create_token']({ name: 'up', role: 'owner' }),
    ];
    expect(await codesOf(calls)).toEqual(calls.map(() => 'Forbidden'));
    await client['access.create_user']({ name: 'dora', role: 'deployer' });
    await client['access.set_role']({ user: 'dora', role: 'admin' });
    await client['access.create_sign_in_link']({ user: 'dora' });
    // What destroys waits for a key of the admin's own.
    expect((await client['access.remove_user']({ user: 'dora' })).operation.state).toBe('waiting');
  });

  it.each(['deployer', 'approver', 'viewer'] as const)('a %s has no say over other people', async (role) => {
    const [{ client }, other] = [await join('one', role), await join('two', 'viewer')];
    const [token] = (await other.client['access.list_tokens']({})).tokens;
    const calls = [
      client['access.create_user']({ name: 'eve', role: 'viewer' }),
      client['access.set_role']({ user: 'two', role: 'viewer' }),
      client['access.remove_user']({ user: 'two' }),
      client['access.create_sign_in_link']({ user: 'two' }),
      client['access.list_sessions']({ user: 'two' }),
      client['access.list_tokens']({ user: 'two' }),
      client['access.revoke_token']({ id: token!.id }),
    ];
    expect(await codesOf(calls)).toEqual(calls.map(() => 'Forbidden'));
    expect((await client['access.list_tokens']({})).tokens).toHaveLength(1);
    await client['access.create_sign_in_link']({});
  });

  it('a token that may do less than its person gives no way to what the person may', async () => {
    const { result } = await at.client['access.create_token']({ name: 'ci', role: 'admin' });
    const narrow = createClient({ url: at.plane.url, token: result!.token! });
    expect((await narrow['system.whoami']({})).actor).toMatchObject({ name: 'owner', role: 'admin' });
    const [own] = (await at.client['access.list_tokens']({})).tokens.filter(({ name }) => name === 'mainstay up');
    const calls = [
      narrow['access.create_sign_in_link']({}),
      narrow['access.create_token']({ name: 'up', role: 'owner' }),
      narrow['access.revoke_token']({ id: own!.id }),
      narrow['access.set_role']({ user: 'owner', role: 'admin' }),
    ];
    expect(await codesOf(calls)).toEqual(calls.map(() => 'Forbidden'));
    const second = await narrow['access.create_token']({ name: 'second' });
    const client = createClient({ url: at.plane.url, token: second.result!.token! });
    expect((await client['system.whoami']({})).actor.role).toBe('admin');
  });

  it('a token that ends makes none that outlives it, and no link to a session that would', async () => {
    const { result } = await at.client['access.create_token']({ name: 'ci', expires_seconds: 3_600 });
    const short = createClient({ url: at.plane.url, token: result!.token! });
    const longer = await refusal(short['access.create_token']({ name: 'up', expires_seconds: 3_601 }));
    expect(longer).toMatchObject({ code: 'Forbidden', field: 'expires_seconds' });
    expect((await refusal(short['access.create_sign_in_link']({}))).code).toBe('Forbidden');
    const made = async (name: string, more = {}) =>
      (await short['access.create_token']({ name, ...more })).result?.expires_at;
    expect(await made('shorter', { expires_seconds: 60 })).toBe(start + 60_000);
    expect(await made('same')).toBe(start + 3_600_000);
    // By a chain of tokens no more than by one.
    const tokens = (await at.client['access.list_tokens']({})).tokens;
    const ends = Object.fromEntries(tokens.map(({ name, expires_at }) => [name, expires_at]));
    expect(ends).toMatchObject({ ci: start + 3_600_000, same: start + 3_600_000, 'mainstay up': null });
  });

  it('a token that ends or is revoked while its request waits gets nothing handed out', async () => {
    const policy = `schema: 1
rules:
  - { name: all, effect: allow }
  - { name: held, match: { operations: [access.create_token], actor: { names: [owner] } }, effect: require, require: { approvals: 1 } }
`;
    const held = await startFixture({ clock: { ...systemClock, now: () => now }, policies: { 'held.yaml': policy } });
    try {
      const { result: person } = await held.client['access.create_user']({ name: 'olga', role: 'owner' });
      const key = person!.url!.split('#sign-in=')[1];
      const signed = await held.http('/auth/sign-in', { method: 'POST', token: null, body: JSON.stringify({ key }) });
      const headers = { cookie: cookieOf(signed) };
      const approve = async (id: string, plan_hash: string) => {
        const body = JSON.stringify({ plan_hash });
        const path = `/api/v1/operations/${id}/approve`;
        expect((await held.http(path, { method: 'POST', token: null, headers, body })).status).toBe(200);
        return (await held.client['operations.get']({ id, wait_seconds: 20 })).operation;
      };
      const ask = async (token: string, name: string) => {
        const client = createClient({ url: held.plane.url, token });
        const { operation } = await client['access.create_token']({ name, expires_seconds: 600 });
        return approve.bind(null, operation.id!, operation.plan.hash);
      };
      const first = await (await ask(held.token, 'ci'))();
      const { result } = await held.client['operations.collect']({ id: first.id! });
      const { id, token } = result as { id: string; token: string };
      const outlived = await ask(token, 'outlived');
      await held.client['access.revoke_token']({ id });
      expect(await outlived()).toMatchObject({ state: 'failed', message: expect.stringContaining('has ended') });
    } finally {
      await held.stop();
    }
  });
});

describe('the last owner', () => {
  it('is neither removed nor made less, and an owner is as soon as there is another', async () => {
    const remove = () => at.client['access.remove_user']({ user: 'owner' });
    expect(await refusal(remove())).toMatchObject({ code: 'Conflict', field: 'user' });
    const lower = await refusal(at.client['access.set_role']({ user: 'owner', role: 'admin' }));
    expect(lower).toMatchObject({ code: 'Conflict', field: 'user' });
    const { client } = await join('olga', 'owner');
    const { confirmed } = await createPerson(client, () => now);
    await confirmed(client['access.remove_user']({ user: 'owner' }));
    expect((await refusal(at.client['system.whoami']({}))).code).toBe('Unauthenticated');
    expect((await at.plane.owner()).name).toBe('olga');
  });

  it('remains when two owners make each other less at the same moment', async () => {
    const { client } = await join('olga', 'owner');
    await Promise.allSettled([
      client['access.set_role']({ user: 'owner', role: 'viewer' }),
      at.client['access.set_role']({ user: 'olga', role: 'viewer' }),
    ]);
    const owner = await at.plane.owner();
    expect(['owner', 'olga']).toContain(owner.name);
    await at.restart();
    expect((await at.plane.owner()).id).toBe(owner.id);
  });
});

describe('what is taken away counts at once', () => {
  it('a removed person has no session and no token, and old links do not work', async () => {
    const { cookie, client } = await join('ada', 'admin');
    const link = (await at.client['access.create_sign_in_link']({ user: 'ada' })).result?.url;
    await at.confirmed(at.client['access.remove_user']({ user: 'ADA' }));
    expect((await withCookie(cookie, '/api/v1/whoami')).status).toBe(401);
    expect((await refusal(client['system.whoami']({}))).code).toBe('Unauthenticated');
    await expect(signIn(link)).rejects.toThrow('401');
    const { operations } = await at.client['operations.list']({ operation: 'access.create_token' });
    expect(operations[0]?.actor.name).toBe('ada');
  });

  it('a lowered role counts for open sessions and tokens, and a higher one does not widen a narrow token', async () => {
    const { cookie, client } = await join('ada', 'admin');
    const narrow = (await client['access.create_token']({ name: 'narrow', role: 'viewer' })).result!.token!;
    await at.client['access.set_role']({ user: 'ada', role: 'deployer' });
    expect((await client['system.whoami']({})).actor.role).toBe('deployer');
    const body = await (await withCookie(cookie, '/api/v1/whoami')).json();
    expect(body).toMatchObject({ actor: { role: 'deployer' } });
    expect((await refusal(client['access.create_user']({ name: 'eve', role: 'viewer' }))).code).toBe('Forbidden');
    await at.client['access.set_role']({ user: 'ada', role: 'owner' });
    const whoami = await createClient({ url: at.plane.url, token: narrow })['system.whoami']({});
    expect(whoami.actor.role).toBe('viewer');
  });

  it('a link or session that was made for less is worth nothing when its person is made more', async () => {
    const { cookie } = await join('ada', 'viewer');
    const kept = (await at.client['access.create_sign_in_link']({ user: 'ada' })).result?.url;
    await at.client['access.set_role']({ user: 'ada', role: 'owner' });
    expect((await withCookie(cookie, '/api/v1/whoami')).status).toBe(401);
    await expect(signIn(kept)).rejects.toThrow('401');
  });

  it.each(['its session', 'its person'])('a page that listens is cut off when %s is gone', async (what) => {
    const { cookie, client } = await join('ada', 'viewer');
    const stream = await withCookie(cookie, '/api/v1/live');
    const reader = stream.body!.getReader();
    await reader.read();
    const [session] = (await client['access.list_sessions']({})).sessions;
    if (what === 'its person') await at.confirmed(at.client['access.remove_user']({ user: 'ada' }));
    else await client['access.end_session']({ id: session!.id });
    for (;;) if ((await reader.read()).done) break;
    expect((await withCookie(cookie, '/api/v1/live')).status).toBe(401);
  });

  it('a page of somebody else listens on', async () => {
    const [ada, bob] = [await join('ada', 'viewer'), await join('bob', 'viewer')];
    const reader = (await withCookie(bob.cookie, '/api/v1/live'))
      .body!.pipeThrough(new TextDecoderStream())
      .getReader();
    await reader.read();
    const [token] = (await ada.client['access.list_tokens']({})).tokens;
    await at.client['access.revoke_token']({ id: token!.id });
    let text = '';
    while (!text.includes('access')) text += (await reader.read()).value ?? '';
    await reader.cancel();
  });
});

describe('sessions', () => {
  it('are listed with what they are, and ended one by one', async () => {
    const { result } = await at.client['access.create_sign_in_link']({});
    const cookie = await signIn(result?.url, `Browser/1 (ÿ) ${'x'.repeat(500)}`);
    const listed = await (await withCookie(cookie, '/api/v1/access/sessions')).json();
    const [session] = (listed as { sessions: { id: string; user_agent: string }[] }).sessions;
    expect(session).toMatchObject({ user: 'owner', created_at: start, is_current: true });
    expect(session?.user_agent).toMatch(/^Browser\/1 \([\x20-\x7e]+\) x+$/);
    expect(session?.user_agent).toHaveLength(200);
    const [same] = (await at.client['access.list_sessions']({})).sessions;
    expect(same).toMatchObject({ id: session?.id, is_current: false });
    await at.client['access.end_session']({ id: session!.id });
    expect((await withCookie(cookie, '/api/v1/whoami')).status).toBe(401);
    const gone = await refusal(at.client['access.end_session']({ id: session!.id }));
    expect(gone).toMatchObject({ code: 'NotFound', field: 'id' });
  });
});

describe('an API token', () => {
  it('is shown once, works until it is revoked or has expired, and stands nowhere as it is', async () => {
    const key = { idempotency_key: 'once' };
    const made = await at.client['access.create_token']({ name: 'ci', role: 'viewer', expires_seconds: 3600, ...key });
    const token = made.result!.token!;
    expect(made.result).toMatchObject({ expires_at: start + 3_600_000 });
    const again = await at.client['access.create_token']({ name: 'ci', role: 'viewer', expires_seconds: 3600, ...key });
    expect(again.result).toMatchObject({ id: made.result!.id, token: null });
    const told = JSON.stringify([
      await at.client['operations.list']({}),
      await at.client['events.list']({}),
      await at.client['access.list_tokens']({}),
    ]);
    expect(told).not.toContain(token);

    const client = createClient({ url: at.plane.url, token });
    expect((await client['system.whoami']({})).actor.role).toBe('viewer');
    now += 3_600_000;
    expect((await refusal(client['system.whoami']({}))).code).toBe('Unauthenticated');
    expect((await at.client['access.list_tokens']({})).tokens.map(({ name }) => name)).toEqual(['mainstay up']);
    const next = await at.client['access.create_token']({ name: 'ci' });
    const other = createClient({ url: at.plane.url, token: next.result!.token! });
    await other['access.revoke_token']({ id: next.result!.id });
    expect((await refusal(other['system.whoami']({}))).code).toBe('Unauthenticated');
  });

  it('tells when it was last used, written once a minute at most', async () => {
    const used = async () => {
      const listed = await at.client['access.list_tokens']({});
      return listed.tokens.find(({ name }) => name === 'mainstay up')?.last_used_at;
    };
    await expect.poll(used).toBe(start);
    now += last_used_every_ms - 1;
    await used();
    expect(await used()).toBe(start);
    now += 1;
    await expect.poll(used).toBe(start + last_used_every_ms);
  });

  it('has a name that no other of the same person has', async () => {
    await at.client['access.create_token']({ name: 'ci' });
    const error = await refusal(at.client['access.create_token']({ name: 'ci' }));
    expect(error).toMatchObject({ code: 'Conflict', field: 'name' });
    const { client } = await join('ada', 'viewer');
    await client['access.create_token']({ name: 'ci' });
  });
});
