/** A change of the rules: begun, confirmed, taken back, changed by others. Real nftables, in a network of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemExec } from '@mainstay/runtime/exec';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Firewall } from './firewall.ts';
import type { FirewallRules } from './rules.ts';
import { testFirewall } from './testing/firewall.ts';
import { createTestNetwork, type TestNetwork, whyNoNetwork } from './testing/network.ts';

const missing = whyNoNetwork();
if (missing) console.warn(`skipped: changes of real rules: ${missing}`);

const closed: FirewallRules = {
  mode: 'tunnel',
  firewall: 'nftables',
  open_ports: [],
  ssh_ports: [],
  ssh_from: [],
  outer_links: [],
};
const open: FirewallRules = { ...closed, mode: 'daemon-port', open_ports: [8080] };
const never_seconds = 600;

describe.skipIf(missing !== null)(`changes of rules${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let network: TestNetwork;
  let folder: string;
  let firewall: Firewall;
  const ruleset = () => network.run('server', ['nft', '-s', 'list', 'ruleset']);
  const begin = (seconds = never_seconds) => {
    firewall = testFirewall({ folder: join(folder, 'firewall'), nft: network.nft, seconds });
  };
  const deadMan = () => readFileSync(join(folder, 'firewall', 'dead-man.pid'), 'utf8');

  beforeEach(() => {
    network = createTestNetwork();
    folder = mkdtempSync(join(tmpdir(), 'mainstay-firewall-'));
    begin();
  });
  afterEach(async () => {
    await firewall.remove();
    network.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('without nft nothing is begun, and it is told what to install', async () => {
    firewall = testFirewall({ folder: join(folder, 'firewall'), nft: ['/nonexistent/nft'], seconds: never_seconds });
    await expect(firewall.begin(open, [])).rejects.toMatchObject({
      message: 'The program nft, which sets the rules, is not there.',
      hint: expect.stringContaining('apt-get install nftables'),
    });
    expect(firewall.isPending()).toBe(false);
    expect(existsSync(join(folder, 'firewall', 'dead-man.pid'))).toBe(false);
    begin();
  });

  test('rules that are confirmed stay, survive the agent, and go without a trace', async () => {
    const others = 'table ip others { chain input { type filter hook input priority filter; tcp dport 25 drop; }\n }';
    await systemExec([...network.nft, '-f', '-'], { stdin: others });
    const before = ruleset();
    await firewall.begin(open, []);
    expect(firewall.confirmed()).toBeNull();
    const pid = deadMan();
    await firewall.confirm();
    expect(existsSync(`/proc/${pid}`), 'nobody waits to take them back').toBe(false);
    expect(firewall.confirmed()).toEqual(open);
    begin();
    expect(firewall.confirmed()).toEqual(open);
    expect(await firewall.drift()).toBeNull();
    await firewall.remove();
    expect(ruleset()).toBe(before);
    expect(existsSync(join(folder, 'firewall'))).toBe(false);
  });

  test('rules that nobody confirms are taken back with the agent dead, to those that were confirmed last', async () => {
    await firewall.begin(open, []);
    await firewall.confirm();
    const before = ruleset();
    const program = join(import.meta.dirname, 'testing', 'begin-and-die.ts');
    const options = JSON.stringify({ folder: join(folder, 'firewall'), nft: network.nft, seconds: 3, rules: closed });
    const child = spawn(process.execPath, [program, options], { stdio: 'ignore' });
    const [, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.once('exit', (...how) => resolve(how)),
    );
    expect(signal).toBe('SIGKILL');
    expect(ruleset()).not.toBe(before);
    await expect.poll(ruleset, { timeout: 20_000 }).toBe(before);
    begin();
    expect(firewall.isPending()).toBe(true);
    expect(firewall.confirmed()).toEqual(open);
    await firewall.revert();
    expect(ruleset()).toBe(before);
  });

  test('the next agent takes back at once what one that was killed began', async () => {
    const before = ruleset();
    await firewall.begin(closed, []);
    const pid = deadMan();
    begin();
    await firewall.begin(open, []);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    await firewall.revert();
    expect(ruleset()).toBe(before);
    expect(firewall.isPending()).toBe(false);
  });

  test('rules that were taken back a moment before are not called confirmed', async () => {
    await firewall.begin(closed, []);
    network.run('server', ['nft', 'flush', 'ruleset']);
    await expect(firewall.confirm()).rejects.toThrow(/before they were confirmed/);
    expect(firewall.confirmed()).toBeNull();
  });

  test('where nothing can take them back by itself, nothing is changed', async () => {
    const before = ruleset();
    firewall = testFirewall({
      folder: join(folder, 'firewall'),
      nft: network.nft,
      seconds: 1,
      arm: () => Promise.reject(new Error('no timer')),
    });
    await expect(firewall.begin(closed, [])).rejects.toThrow('no timer');
    expect(ruleset()).toBe(before);
    expect(firewall.isPending()).toBe(false);
  });

  test('what others change is told and put back; what a boot took is put back without a word', async () => {
    await firewall.begin(open, []);
    await firewall.confirm();
    const before = ruleset();
    for (const harm of [
      ['flush', 'ruleset'],
      ['add', 'rule', 'inet', 'mainstay', 'inside', 'accept'],
      ['flush', 'chain', 'inet', 'mainstay', 'forward'],
      ['chain', 'inet', 'mainstay', 'input', '{ policy accept; }'],
    ]) {
      network.run('server', ['nft', ...harm]);
      expect(await firewall.drift()).toMatch(/^The table inet mainstay was (deleted|changed)/);
      await firewall.putBack();
      expect(ruleset()).toBe(before);
      expect(await firewall.drift()).toBeNull();
    }
    const file = join(folder, 'firewall', 'confirmed.json');
    execFileSync('sed', ['-i', 's/"boot":"[^"]*"/"boot":"another"/', file]);
    network.run('server', ['nft', 'flush', 'ruleset']);
    begin();
    expect(await firewall.drift()).toBeNull();
    expect(ruleset()).toBe(before);
  });
});
