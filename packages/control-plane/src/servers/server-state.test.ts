import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import { commitmentOf } from '@mainstay/contract/canonical';
import { verifyGrant } from '@mainstay/contract/grant';
import { planHash } from '@mainstay/contract/plan';
import { serverContentDigest, serverStateDigest } from '@mainstay/contract/server-state';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

let at: Fixture;
beforeEach(async () => {
  at = await startFixture();
});
afterEach(() => at.stop());

type ByHand = Awaited<ReturnType<Fixture['enrol']>>;

async function heartbeat(server: ByHand): Promise<ServerStateOffer | null> {
  const answer = await server.send('POST', '/heartbeat', { sent_at: Date.now(), state: server.state });
  return ((await answer.json()) as { server_state: ServerStateOffer | null }).server_state;
}

function secure(server: string, mode: 'none' | 'daemon-port' | 'tunnel') {
  return at.confirmed(at.client['servers.firewall_set']({ server, mode, ssh_from: ['203.0.113.0/24'] }));
}

/** What the server is offered once its change was confirmed and carried out. */
async function offered(server: ByHand): Promise<ServerStateOffer> {
  for (const until = Date.now() + 20_000; Date.now() < until; ) {
    const offer = await heartbeat(server);
    if (offer) return offer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('nothing was offered');
}

function takenBy(server: ByHand, { document, sha256 }: ServerStateOffer, state: 'succeeded' | 'failed', message = '') {
  const { version } = document;
  server.state.server = {
    version,
    sha256,
    operation_id: null,
    state,
    message: message || null,
    hint: null,
    started_at: 1,
    finished_at: 2,
  };
}

test('a security mode is confirmed, signed for its server alone, and done when that server says so', async () => {
  const server = await at.enrol('h1');
  const other = await at.enrol('h2');
  expect(await heartbeat(server)).toBeNull();
  const ending = secure('h1', 'daemon-port');
  const offer = await offered(server);
  expect(offer.document).toMatchObject({
    server_id: server.server_id,
    version: 1,
    security: { mode: 'daemon-port', ssh_from: ['203.0.113.0/24'], cut_ssh: false },
  });
  const sha256 = await serverStateDigest(offer.document);
  const options = { keys: server.keeper_keys, audience: server.server_id, now_ms: Date.now() };
  expect(await verifyGrant(offer.grant, options)).toMatchObject({
    ok: true,
    grant: { action: { kind: 'server_state', sha256 }, plan_hash: await planHash(offer.plan) },
  });
  expect(offer.plan.content_sha256).toBe(await serverContentDigest(offer.document));
  expect(await verifyGrant(offer.grant, { ...options, audience: other.server_id })).toMatchObject({ ok: false });
  expect(await heartbeat(other), 'another server is offered nothing').toBeNull();

  takenBy(server, offer, 'succeeded');
  expect(await heartbeat(server), 'what it has is not offered again').toBeNull();
  expect(await ending).toMatchObject({ state: 'succeeded', targets: [{ server: 'h1', state: 'succeeded' }] });
});

test('a security mode that did not come into force fails with what the server says, and the next is a higher version', async () => {
  const server = await at.enrol('h1');
  const first = secure('h1', 'tunnel');
  takenBy(server, await offered(server), 'failed', 'the control plane was not reached; the rules are as before');
  await heartbeat(server);
  expect(await first).toMatchObject({
    state: 'failed',
    message: 'h1: the control plane was not reached; the rules are as before',
  });
  const second = secure('h1', 'none');
  const offer = await offered(server);
  takenBy(server, offer, 'succeeded');
  await heartbeat(server);
  await second;
  expect(offer.document).toMatchObject({ version: 2, security: { mode: 'none' } });
});

test('a mode that did not come into force is no base of what comes after it, and may be asked for again', async () => {
  const server = await at.enrol('h1');
  server.state.security = {
    ...{ mode: 'none', exposure: 'open', state: 'reverted', firewall: null, open_ports: [], ssh_peers: [] },
    ...{ ssh_from: ['198.51.100.0/24'], message: 'taken back' },
  };
  await heartbeat(server);
  const first = secure('h1', 'tunnel');
  takenBy(server, await offered(server), 'failed', 'taken back');
  await heartbeat(server);
  await first;
  const { operation } = await at.client['servers.firewall_set']({ server: 'h1', mode: 'tunnel', dry_run: true });
  expect(operation.plan.changes).toEqual([{ action: 'update', path: 'security.mode', from: 'none', to: 'tunnel' }]);
});

test('a server that waits for a desired state is told at once that a server state waits for it', async () => {
  const server = await at.enrol('h1');
  const waiting = server.send('GET', '/desired-state?wait_seconds=30');
  const ending = secure('h1', 'daemon-port');
  expect((await waiting).headers.get('mainstay-server-state')).toBe('1');
  takenBy(server, await offered(server), 'succeeded');
  await heartbeat(server);
  await ending;
});

test('a plan names what would change, warns of a closed SSH and a missing tunnel, and changes nothing', async () => {
  const server = await at.enrol('h1');
  const { operation } = await at.client['servers.firewall_set']({ server: 'h1', mode: 'tunnel', dry_run: true });
  expect(operation.plan.changes).toEqual([{ action: 'update', path: 'security.mode', from: 'none', to: 'tunnel' }]);
  expect(operation.plan.warnings.join('\n')).toMatch(/has no tunnel[\s\S]*SSH to h1 is closed/);
  expect(await heartbeat(server)).toBeNull();
});

test('a network that is none is refused with the field and an example', async () => {
  await at.enrol('h1');
  const answer = at.client['servers.firewall_set']({ server: 'h1', mode: 'tunnel', ssh_from: ['10.0.0.1'] });
  await expect(answer).rejects.toMatchObject({
    code: 'InvalidInput',
    field: 'ssh_from.0',
    message: expect.stringMatching(/must be a network such as/),
  });
});

test('a tunnel is signed for by the commitment to its token, which its server alone is given; the plan that was shown is the one that runs', async () => {
  const server = await at.enrol('h1');
  const other = await at.enrol('h2');
  const asked = { server: 'h1', token: 'eyJ0b2tlbiI6MX0=' };
  const { operation: shown } = await at.client['servers.tunnel_set']({ ...asked, dry_run: true });
  expect(shown.plan.changes).toEqual([
    { action: 'create', path: 'tunnel', to: 'cloudflared', note: 'token not shown' },
  ]);
  const ending = at.client['servers.tunnel_set']({ ...asked, plan_hash: shown.plan.hash });
  const offer = await offered(server);
  const commitment = offer.document.tunnel!.token;
  const secretsOf = async (who: ByHand) => {
    const answer = await who.send('POST', '/secrets', { commitments: [commitment] });
    return ((await answer.json()) as { secrets: Record<string, { key: string; value: string }> }).secrets;
  };
  const given = (await secretsOf(server))[commitment]!;
  expect(given.value).toBe(asked.token);
  expect(await commitmentOf(given.key, given.value)).toBe(commitment);
  expect(await secretsOf(other)).toEqual({});
  takenBy(server, offer, 'succeeded');
  await heartbeat(server);
  await ending;
  const events = JSON.stringify(await at.client['events.list']({}));
  expect(events + JSON.stringify(await at.client['audit.list']({}))).not.toContain(asked.token);

  const { operation: same } = await at.client['servers.tunnel_set']({ ...asked, dry_run: true });
  expect(same.plan.changes, 'the same token again changes nothing').toEqual([]);
  const { operation: next } = await at.client['servers.tunnel_set']({ ...asked, token: 'another', dry_run: true });
  expect(next.plan.changes).toMatchObject([{ action: 'update', path: 'tunnel' }]);
  await expect(at.client['servers.tunnel_remove']({ server: 'h2' })).rejects.toMatchObject({ code: 'NotFound' });
});

test('a token with what is no part of one is refused before anything is planned', async () => {
  await at.enrol('h1');
  const answer = at.client['servers.tunnel_set']({ server: 'h1', token: 'two words' });
  await expect(answer).rejects.toMatchObject({ code: 'InvalidInput', field: 'token' });
});

test('a tunnel that did not come up does not come along with the next change', async () => {
  const server = await at.enrol('h1');
  const first = at.client['servers.tunnel_set']({ server: 'h1', token: 'stale' });
  takenBy(server, await offered(server), 'failed', 'it ended');
  await heartbeat(server);
  await first;
  const second = secure('h1', 'daemon-port');
  const offer = await offered(server);
  expect(offer.document).toMatchObject({ version: 2, tunnel: null, security: { mode: 'daemon-port' } });
  takenBy(server, offer, 'succeeded');
  await heartbeat(server);
  await second;
});
