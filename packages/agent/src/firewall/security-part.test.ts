/** The security mode as a part of the server state: what is refused, taken back, and put back. Real nftables in a network of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecuritySettings } from '@mainstay/contract/server-state';
import type { SecurityMode } from '@mainstay/contract/stack';
import { fakeClock, systemClock } from '@mainstay/runtime/clock';
import { silentLogger } from '@mainstay/runtime/log';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { unchanged_server } from '../server/server-part.ts';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { Firewall } from './firewall.ts';
import { createSecurityPart, type SecurityOptions, type SecurityPart } from './security-part.ts';
import { socketCounts } from './socket-counts.ts';
import type { TcpSocket } from './sockets.ts';
import { testFirewall } from './testing/firewall.ts';
import { createTestNetwork, type TestNetwork, whyNoNetwork } from './testing/network.ts';

const missing = whyNoNetwork();
if (missing) console.warn(`skipped: security modes with real rules: ${missing}`);

const never = new AbortController().signal;
const wanted = (mode: SecurityMode, more: Partial<SecuritySettings> = {}) => ({
  ...unchanged_server,
  security: { mode, ssh_from: [], firewall: 'auto' as const, cut_ssh: false, ...more },
});
const session = (remote: string): TcpSocket => ({
  state: 'established',
  local: remote.includes(':') ? '2001:db8:1::1' : '198.51.100.1',
  local_port: 22,
  remote,
  remote_port: 50_000,
  inode: '1',
});

describe.skipIf(missing !== null)(`security modes${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let network: TestNetwork;
  let folder: string;
  let firewall: Firewall;
  let security: SecurityPart;
  let events: NewAgentEvent[];
  let sockets: TcpSocket[];
  let stack_mode: SecurityMode | null;
  let proxy_ports: number[];
  /** Whether the control plane answers; asked with the rules that are in force then. */
  let answers: () => boolean;

  const ruleset = () => network.run('server', ['nft', '-s', 'list', 'ruleset']);
  const kinds = () => events.map(({ kind }) => kind);
  const begin = (more: Partial<SecurityOptions> = {}) => {
    firewall = testFirewall({ folder: join(folder, 'firewall'), nft: network.nft, seconds: 600 });
    security = createSecurityPart({
      firewall,
      facts: async () => ({ ufw_active: false, proxy_ports, ssh_ports: [22], outer_links: [] }),
      sockets: () => sockets,
      stackMode: () => stack_mode,
      reachable: async () => answers(),
      clock: systemClock,
      log: silentLogger(),
      emit: (event) => events.push(event),
      changed: () => {},
      reach_within_ms: 800,
      ...more,
    });
  };
  beforeEach(() => {
    network = createTestNetwork();
    folder = mkdtempSync(join(tmpdir(), 'mainstay-security-'));
    [events, sockets, stack_mode, proxy_ports, answers] = [[], [], null, [8080], () => true];
    begin();
  });
  afterEach(async () => {
    await firewall.remove();
    network.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a mode is in force once the control plane was reached through it, and none takes all of it away', async () => {
    expect(security.observe()).toMatchObject({ mode: 'none', exposure: 'open', state: 'off', firewall: null });
    const rules_seen: boolean[] = [];
    answers = () => rules_seen.push(ruleset().includes('policy drop')) > 0;
    await security.apply(wanted('daemon-port', { ssh_from: ['10.0.0.0/8'] }), never);
    expect(rules_seen, 'before the change and after it').toEqual([false, true]);
    expect(security.observe()).toMatchObject({
      mode: 'daemon-port',
      exposure: 'daemon-port',
      state: 'in_force',
      firewall: 'nftables',
      open_ports: [8080],
      ssh_from: ['10.0.0.0/8'],
    });
    expect(security.bindsPublicly()).toBe(true);
    await security.apply(wanted('tunnel'), never);
    expect(security.observe()).toMatchObject({ mode: 'tunnel', exposure: 'none', open_ports: [] });
    expect(security.bindsPublicly()).toBe(false);
    await security.apply(wanted('none'), never);
    expect(ruleset()).toBe('');
    expect(security.observe()).toMatchObject({ mode: 'none', state: 'off' });
    expect(kinds()).toEqual(['security.changed', 'security.changed', 'security.changed']);
  });

  test('what is in force is not applied again', async () => {
    await security.apply(wanted('tunnel'), never);
    answers = () => false;
    begin();
    await security.apply(wanted('tunnel'), never);
    await security.keepUp(wanted('tunnel'));
    expect(security.observe()).toMatchObject({ mode: 'tunnel', state: 'in_force' });
  });

  test('rules with which the control plane is not reached are taken back, and the failure says so', async () => {
    await security.apply(wanted('daemon-port'), never);
    const before = ruleset();
    answers = () => ruleset() === before;
    await expect(security.apply(wanted('tunnel'), never)).rejects.toMatchObject({
      message: expect.stringContaining('could not be reached within 0.8 s; what was before is in force again'),
      hint: expect.stringContaining('nft list ruleset'),
    });
    expect(ruleset()).toBe(before);
    expect(security.observe()).toMatchObject({ mode: 'daemon-port', state: 'reverted' });
    expect(kinds()).toEqual(['security.changed', 'security.reverted']);
  });

  test('where the control plane is not reached before, nothing is changed', async () => {
    answers = () => false;
    await expect(security.apply(wanted('tunnel'), never)).rejects.toThrow(/Nothing was changed/);
    expect(ruleset()).toBe('');
    expect(firewall.isPending()).toBe(false);
  });

  test('a change that would cut an SSH session is refused with its address, unless it is kept or may be cut', async () => {
    sockets = [session('203.0.113.7'), session('2001:db8::7'), session('127.0.0.1')];
    await expect(security.apply(wanted('tunnel', { ssh_from: ['10.0.0.0/8'] }), never)).rejects.toMatchObject({
      message: expect.stringContaining('from 2001:db8::7, 203.0.113.7. Nothing was changed'),
      hint: expect.stringContaining('--ssh-from 203.0.113.7/32'),
    });
    expect(ruleset()).toBe('');
    expect(security.observe().ssh_peers).toEqual(['2001:db8::7', '203.0.113.7']);
    await security.apply(wanted('tunnel', { ssh_from: ['203.0.113.0/24', '2001:db8::/32'] }), never);
    await security.apply(wanted('none'), never);
    await security.apply(wanted('tunnel', { cut_ssh: true }), never);
    expect(security.observe()).toMatchObject({ mode: 'tunnel', state: 'in_force' });
  });

  test('where nothing is closed, sessions are listed once the number of sockets moved, and anew while there are some', async () => {
    const clock = fakeClock();
    let counts = 'TCP: inuse 3';
    begin({ clock, socketCounts: () => counts });
    const peersAfter = async (ms: number, ...from: string[]) => {
      sockets = from.map((address) => session(address));
      await clock.advance(ms);
      await security.keepUp(wanted('none'));
      return security.observe().ssh_peers;
    };
    expect(await peersAfter(0)).toEqual([]);
    expect(await peersAfter(30_000, '203.0.113.7')).toEqual([]);
    counts = 'TCP: inuse 4';
    expect(await peersAfter(10_000, '203.0.113.7')).toEqual([]);
    expect(await peersAfter(20_000, '203.0.113.7')).toEqual(['203.0.113.7']);
    expect(await peersAfter(10_000, '203.0.113.8')).toEqual(['203.0.113.8']);
    expect(await peersAfter(10_000)).toEqual([]);
    expect(await peersAfter(270_000, '203.0.113.9')).toEqual([]);
    expect(await peersAfter(30_000, '203.0.113.9')).toEqual(['203.0.113.9']);
    expect(socketCounts()).toMatch(/^TCP: inuse \d+( TCP6: inuse \d+)?$/);
  });

  test('the stricter one of server and stack is in effect, also when the stack changes afterwards', async () => {
    stack_mode = 'daemon-port';
    await security.keepUp(wanted('none'));
    expect(security.observe().mode).toBe('daemon-port');
    proxy_ports = [9090];
    await security.keepUp(wanted('none'));
    expect(security.observe().open_ports).toEqual([9090]);
    await security.apply(wanted('tunnel'), never);
    expect(security.effectiveMode()).toBe('tunnel');
    stack_mode = null;
    await security.keepUp(wanted('tunnel'));
    expect(security.effectiveMode()).toBe('tunnel');
    await security.keepUp(wanted('none'));
    expect(ruleset()).toBe('');
  });

  test('what nobody asked for and failed is told, left alone for a while, and tried at once when something else is wanted', async () => {
    stack_mode = 'tunnel';
    let asked = 0;
    answers = () => ++asked === 1;
    await security.keepUp(wanted('none'));
    expect(security.observe()).toMatchObject({ mode: 'none', state: 'reverted' });
    answers = () => true;
    await security.keepUp(wanted('none'));
    expect(ruleset()).toBe('');
    stack_mode = 'daemon-port';
    await security.keepUp(wanted('none'));
    expect(security.observe()).toMatchObject({ mode: 'daemon-port', state: 'in_force' });
  });

  test('rules that somebody changed are told with what was changed and put back, though the control plane is away', async () => {
    await security.apply(wanted('tunnel'), never);
    const before = ruleset();
    answers = () => false;
    network.run('server', ['nft', 'insert', 'rule', 'inet', 'mainstay', 'input', 'tcp', 'dport', '3000', 'accept']);
    await security.keepUp(wanted('tunnel'));
    expect(ruleset()).toBe(before);
    expect(events.at(-1)).toMatchObject({
      kind: 'drift.repaired',
      severity: 'warning',
      message: expect.stringContaining('new: tcp dport 3000 accept'),
    });
    expect(security.observe()).toMatchObject({ state: 'in_force', message: expect.stringContaining('Put back at') });
  });

  test('an agent that ends in the middle leaves the rules to the dead man, and the next one begins with what was confirmed', async () => {
    const ending = new AbortController();
    let asked = 0;
    answers = () => {
      if (++asked === 1) return true;
      ending.abort();
      return false;
    };
    await expect(security.apply(wanted('tunnel'), ending.signal)).rejects.toThrow();
    expect(firewall.isPending()).toBe(true);
    expect(ruleset()).toContain('policy drop');
    answers = () => true;
    begin();
    await security.keepUp(wanted('none'));
    expect(ruleset()).toBe('');
    await security.apply(wanted('tunnel'), never);
    expect(security.observe().state).toBe('in_force');
  });
});
