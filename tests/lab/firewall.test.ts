/**
 * Security modes from outside: an agent installed by its line, its mode set by the panel, and all TCP ports scanned from another host.
 * What is there beside the agent: SSH, a program that listens, a port that is published by DNAT as container engines do it, UFW.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository, type GitServer, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import type { SecurityObserved } from '@mainstay/contract/server-state';
import { machineName } from '@mainstay/runtime/local-hosts/host';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';
import { openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: security modes on hosts of the lab: ${missing}`);

const panel_port = 31_210;
/** Of the stack's proxy, of a program that listens, and of what a container would publish. */
const [proxy_port, other_port, published_port] = [8088, 3000, 8090];
/** A host of this kind may not set it itself, as a server can. */
const forward = ({ record }: LabHost) =>
  execFileSync('ip', ['netns', 'exec', machineName(record), 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
/** How long rules that were not confirmed may stay. */
const revert_seconds_max = 60;

/** Where nothing is tracked, no answer is known as one: with a mode on top, none comes in. */
const notrack = 'table inet raw { chain pre { type filter hook prerouting priority raw; notrack; }\n }\n';

const site = `import http.server, os, sys
class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('content-length', '5'); self.end_headers(); self.wfile.write(b'hello')
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Site).serve_forever()
`;

describe.skipIf(missing !== null)(`security modes${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let git: GitServer;
  let folder: string;
  let [plain, with_ufw, outside]: LabHost[] = [];
  const before = new Map<string, string>();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-security-'));
    mkdirSync(join(folder, 'site'));
    createRepository(join(folder, 'site')).commit({ 'server.py': site });
    const common = ['sudo', 'git', 'python3', 'nftables', 'openssh-server'];
    lab = await openLab({
      name: 'fw',
      hosts: [
        { name: 'h1', packages: common },
        { name: 'h2', packages: [...common, 'ufw'] },
        { name: 'outside', packages: ['nmap', 'openssh-client'] },
      ],
    });
    [plain, with_ufw, outside] = ['h1', 'h2', 'outside'].map((name) => lab.host(name));
    git = await serveGit(folder, { address: lab.network.gateway });
    panel = await openPanel(lab, { port: panel_port });
    const stack = `stack: site\nproxy: { port: ${proxy_port}, bind: public }\nservices:\n  site:\n    source: { git: "${git.url}/site" }\n    run: [python3, server.py]\n    route: { prefix: / }\n`;
    writeFileSync(join(folder, 'mainstay.yaml'), stack);
    for (const host of [plain!, with_ufw!]) await prepare(host);
    await panel.cli('apply', '--file', join(folder, 'mainstay.yaml'), '--yes');
    for (const { name } of [plain!, with_ufw!]) await panel.cli('servers', 'assign', name, 'site', '--yes');
  });
  afterAll(async () => {
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What runs on a server before Mainstay comes, and then the agent, in mode none. */
  const prepare = async (host: LabHost) => {
    const made =
      '[ -e ~/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519; cat ~/.ssh/id_ed25519.pub';
    const key = await outside!.run(['sh', '-c', made]);
    await host.run(['sh', '-c', 'umask 077; mkdir -p ~/.ssh; cat > ~/.ssh/authorized_keys'], { stdin: key });
    const listens = `[Service]\nExecStart=python3 -m http.server ${other_port} --bind ::\n[Install]\nWantedBy=multi-user.target\n`;
    await host.writeFile('/etc/systemd/system/other.service', listens);
    await host.run(['systemctl', 'enable', '--now', 'other']);
    if (host === with_ufw) {
      for (const rule of [['22/tcp'], [`${other_port}/tcp`]]) await host.run(['ufw', 'allow', ...rule]);
      await host.run(['ufw', '--force', 'enable']);
    } else {
      // As Docker publishes a port of a container; the container is SSH of the other host.
      const rules = `table ip published {
        chain pre { type nat hook prerouting priority dstnat; tcp dport ${published_port} dnat to ${with_ufw!.ip}:22; }
        chain post { type nat hook postrouting priority srcnat; ip daddr ${with_ufw!.ip} masquerade; }
      }\n`;
      await host.writeFile('/etc/nftables.conf', `flush ruleset\n${rules}`);
      forward(host);
      await host.run(['systemctl', 'enable', '--now', 'nftables']);
    }
    before.set(host.name, await firewallOf(host));
    const { result } = await panel.client['servers.invite']({ server: host.name });
    await host.run(['bash', '-c', result!.install!], { timeout_ms: 120_000 });
  };
  /** All that a firewall is on a host: rules in the kernel, and the files of UFW. */
  const firewallOf = async (host: LabHost) => {
    const rules = (await host.run(['nft', '-s', 'list', 'ruleset'])).replaceAll(
      /counter packets \d+ bytes \d+/g,
      'counter',
    );
    const files = await host.run([
      'sh',
      '-c',
      'cat /etc/ufw/*.rules /etc/ufw/ufw.conf /etc/default/ufw 2>/dev/null; stat -c "%a %U:%G %n" /etc/ufw/* /etc/default/ufw 2>/dev/null; ls -R /etc/systemd/system',
    ]);
    return `${rules}\n${files}`;
  };
  const inside = async (host: LabHost) =>
    (await host.exec(['curl', '-fsS', '-m', '5', `http://127.0.0.1:${proxy_port}/`])).stdout;
  /** Every TCP port that is open, as nmap sees it from the other host. Those that matter are asked once more: a busy machine loses answers. */
  const scan = async (host: LabHost) => {
    const known = [22, other_port, proxy_port, published_port].join();
    const open = async (...words: string[]) => {
      const argv = ['nmap', '-n', '-Pn', '-T4', '-oG', '-', ...words] as const;
      const said = await outside!.run([...argv], { timeout_ms: 200_000 });
      return [...said.matchAll(/(\d+)\/open\/tcp/g)].map((match) => Number(match[1]));
    };
    const ports = async (...target: string[]) => {
      const all = await open('-p-', '--min-rate', '8000', '--max-retries', '1', ...target);
      const asked = await open('-p', known, '--max-retries', '6', ...target);
      return [...new Set([...all, ...asked])].sort((a, b) => a - b);
    };
    const v4 = await ports(host.ip);
    const v6 = await ports('-6', host.ip6);
    return { v4, v6 };
  };
  const security = async (host: LabHost): Promise<SecurityObserved | null> =>
    (await panel.client['servers.get']({ server: host.name })).reported?.security ?? null;
  const secure = (host: LabHost, mode: string, ...words: string[]) =>
    panel.cli('servers', 'secure', host.name, mode, '--yes', ...words);
  const is = (host: LabHost, mode: string, state = 'in_force') =>
    expect
      .poll(async () => {
        const observed = await security(host);
        return `${observed?.mode} ${observed?.state}`;
      })
      .toBe(`${mode} ${state}`);
  const ssh = (host: LabHost, ...command: string[]) =>
    [
      'ssh',
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=no',
      '-o',
      'ConnectTimeout=5',
      `root@${host.ip}`,
      ...command,
    ] as const;
  const events = async (host: LabHost) => (await panel.client['events.list']({ server: host.name, limit: 100 })).events;

  test('in mode none everything that listens can be reached', async () => {
    for (const host of [plain!, with_ufw!]) await expect.poll(() => inside(host)).toBe('hello');
    expect(await security(plain!)).toMatchObject({ mode: 'none', state: 'off', exposure: 'open' });
    const { v4, v6 } = await scan(plain!);
    expect(v4).toEqual([22, other_port, proxy_port, published_port]);
    expect(v6).toEqual([22, other_port]);
  });

  test('in mode daemon-port only the port of the proxy, and SSH from the networks that are named', async () => {
    console.log(await secure(plain!, 'daemon-port'));
    await is(plain!, 'daemon-port');
    expect(await scan(plain!)).toEqual({ v4: [proxy_port], v6: [] });
    await secure(plain!, 'daemon-port', '--ssh-from', `${outside!.ip}/32`);
    await expect.poll(async () => (await security(plain!))?.ssh_from).toEqual([`${outside!.ip}/32`]);
    expect(await scan(plain!)).toEqual({ v4: [22, proxy_port], v6: [] });
    expect((await outside!.exec(['curl', '-fsS', '-m', '5', `http://${plain!.ip}:${proxy_port}/`])).stdout).toBe(
      'hello',
    );
  });

  test('in mode tunnel nothing, not even a ping, and the server reaches itself and the outside', async () => {
    await secure(plain!, 'tunnel', '--ssh-from', '192.0.2.0/24');
    await is(plain!, 'tunnel');
    expect(await scan(plain!)).toEqual({ v4: [], v6: [] });
    await expect.poll(() => plain!.run(['ss', '-Hltn', `sport = :${proxy_port}`])).toContain(`127.0.0.1:${proxy_port}`);
    const seen = await outside!.run(['nmap', '-n', '-sn', '--disable-arp-ping', plain!.ip]);
    expect(seen).toContain('0 hosts up');
    expect(await inside(plain!)).toBe('hello');
    await plain!.run(['curl', '-fsS', '-m', '5', `${panel.url}/livez`]);
  });

  test('it is in force after a reboot before the network is up, though the agent does not start', async () => {
    await plain!.run(['systemctl', 'disable', '--quiet', 'mainstay-agent']);
    await plain!.reboot();
    expect((await plain!.exec(['systemctl', 'is-active', 'mainstay-agent'])).stdout).toBe('inactive\n');
    expect(await scan(plain!)).toEqual({ v4: [], v6: [] });
    const at = async (unit: string) =>
      Number(await plain!.run(['systemctl', 'show', '-P', 'ActiveEnterTimestampMonotonic', unit]));
    expect(await at('mainstay-firewall.service')).toBeLessThan(await at('network-pre.target'));
    expect(await at('mainstay-firewall.service')).toBeGreaterThan(await at('nftables.service'));
    await plain!.run(['systemctl', 'enable', '--quiet', '--now', 'mainstay-agent']);
    await is(plain!, 'tunnel');
  });

  test('rules that somebody takes away or adds to are back within one interval, and told', async () => {
    for (const harm of [
      ['nft', 'delete', 'table', 'inet', 'mainstay'],
      ['nft', 'insert', 'rule', 'inet', 'mainstay', 'input', 'tcp', 'dport', String(other_port), 'accept'],
    ] as const) {
      const told = (await events(plain!)).filter(({ kind }) => kind === 'drift.repaired').length;
      await plain!.run([...harm]);
      await expect
        .poll(async () => (await events(plain!)).filter(({ kind }) => kind === 'drift.repaired').length)
        .toBeGreaterThan(told);
      expect(await plain!.run(['nft', 'list', 'table', 'inet', 'mainstay'])).not.toContain(`dport ${other_port}`);
    }
    console.log((await events(plain!)).find(({ kind }) => kind === 'drift.repaired')?.message);
    await plain!.run(['systemctl', 'restart', 'nftables']);
    await expect.poll(() => plain!.run(['nft', 'list', 'table', 'inet', 'mainstay'])).toContain('policy drop');
  });

  test('an SSH session is not cut unless it may be, and one that is kept goes on', async () => {
    await secure(plain!, 'none');
    await is(plain!, 'none', 'off');
    const session = outside!.exec([...ssh(plain!, 'sleep', '80', '&&', 'echo', 'still here')], { timeout_ms: 120_000 });
    await expect.poll(async () => (await security(plain!))?.ssh_peers).toEqual([outside!.ip]);
    const refused = await secure(plain!, 'tunnel', '--ssh-from', '192.0.2.0/24').catch((error: Error) => error.message);
    console.log(refused);
    expect(refused).toContain(`would cut SSH sessions that are open now, from ${outside!.ip}`);
    await is(plain!, 'none', 'off');
    await secure(plain!, 'tunnel', '--ssh-from', `${outside!.ip}/32`);
    await is(plain!, 'tunnel');
    expect((await session).stdout).toBe('still here\n');
    await secure(plain!, 'tunnel', '--ssh-from', '192.0.2.0/24', '--cut-ssh');
    await expect.poll(async () => (await security(plain!))?.ssh_from).toEqual(['192.0.2.0/24']);
    expect((await outside!.exec([...ssh(plain!, 'true')])).code).not.toBe(0);
  });

  test('rules that cut off the control plane go back by themselves, also when the agent is killed meanwhile', async () => {
    await secure(plain!, 'none');
    await is(plain!, 'none', 'off');
    await expect.poll(async () => (await security(plain!))?.ssh_peers).toEqual([]);
    await plain!.run(['nft', '-f', '-'], { stdin: notrack });
    const rules = await firewallOf(plain!);
    const failed = await secure(plain!, 'tunnel').catch((error: Error) => error.message);
    console.log(failed);
    expect(failed).toContain('the control plane could not be reached within 25 s; what was before is in force again');
    expect(await firewallOf(plain!)).toBe(rules);
    await is(plain!, 'none', 'reverted');

    // Of all services: one of the agent's own would be taken away.
    await plain!.writeFile('/run/systemd/system/service.d/once.conf', '[Service]\nRestart=no\n');
    await plain!.run(['systemctl', 'daemon-reload']);
    const asked = secure(plain!, 'tunnel').catch((error: Error) => error.message);
    const hasTable = async () => (await plain!.exec(['nft', 'list', 'table', 'inet', 'mainstay'])).code === 0;
    await expect.poll(hasTable).toBe(true);
    const began = performance.now();
    await plain!.run(['systemctl', 'kill', '--signal=KILL', 'mainstay-agent']);
    // Anybody may do that meanwhile; what takes the rules back is to come through it.
    await plain!.run(['systemctl', 'daemon-reload']);
    expect(
      (await plain!.exec(['curl', '-fsS', '-m', '3', `${panel.url}/livez`])).code,
      'it is really cut off',
    ).not.toBe(0);
    await expect.poll(hasTable).toBe(false);
    const seconds = (performance.now() - began) / 1000;
    console.log(`with the agent killed, the rules went back after ${seconds.toFixed(1)} s`);
    expect(seconds).toBeLessThan(revert_seconds_max);
    expect((await plain!.exec(['systemctl', 'is-active', 'mainstay-agent'])).stdout).not.toBe('active\n');
    expect(await firewallOf(plain!)).toBe(rules);

    await plain!.run(['nft', 'delete', 'table', 'inet', 'raw']);
    await plain!.run(['rm', '/run/systemd/system/service.d/once.conf']);
    await plain!.run(['systemctl', 'daemon-reload']);
    await plain!.run(['systemctl', 'start', 'mainstay-agent']);
    await asked;
    await is(plain!, 'tunnel');
  });

  test('what UFW was told and nobody confirmed is gone after a power cut, though the agent does not start', async () => {
    const host = with_ufw!;
    // The network is lost once UFW was told, which is before the rules are there and the control plane is asked.
    const cut = `table inet cut { chain out { type filter hook output priority 0; tcp dport ${panel_port} drop; }\n }`;
    const losing = 'until grep -q 6d61696e73746179 /etc/ufw/user.rules; do sleep 0.02; done; nft -f - <<EOF\n$0\nEOF';
    const lost = host.run(['sh', '-c', losing, cut]);
    const asked = secure(host, 'daemon-port').catch((error: Error) => error.message);
    await lost;
    await expect.poll(async () => (await host.exec(['nft', 'list', 'table', 'inet', 'mainstay'])).code).toBe(0);
    expect(await host.run(['ufw', 'status'])).toContain('# mainstay');
    await host.run(['systemctl', 'disable', '--quiet', 'mainstay-agent']);
    await host.run(['sync']);
    await host.powerOff();
    await host.boot();
    expect(await host.run(['ufw', 'status'])).not.toContain('mainstay');
    expect((await host.exec(['nft', 'list', 'table', 'inet', 'mainstay'])).code).not.toBe(0);
    await host.run(['systemctl', 'enable', '--quiet', '--now', 'mainstay-agent']);
    await asked;
    await is(host, 'daemon-port');
    await host.run(['ufw', 'allow', '9999/tcp']);
    await secure(host, 'none');
    await is(host, 'none', 'off');
    const status = await host.run(['ufw', 'status']);
    expect(status).not.toContain('mainstay');
    expect(status, 'what others did meanwhile stays').toContain('9999/tcp');
    await host.run(['ufw', 'delete', 'allow', '9999/tcp']);
  });

  test('where UFW is active it lets through what the mode opens, and what it opened itself is closed', async () => {
    expect(await scan(with_ufw!)).toEqual({ v4: [22, other_port], v6: [22, other_port] });
    await secure(with_ufw!, 'daemon-port', '--ssh-from', `${outside!.ip}/32`);
    await is(with_ufw!, 'daemon-port');
    expect((await security(with_ufw!))?.firewall).toBe('ufw');
    console.log(await with_ufw!.run(['ufw', 'status', 'verbose']));
    expect(await scan(with_ufw!)).toEqual({ v4: [22, proxy_port], v6: [] });
    await with_ufw!.run(['ufw', 'delete', 'allow', `${proxy_port}/tcp`]);
    await expect.poll(() => with_ufw!.run(['ufw', 'status'])).toMatch(new RegExp(`${proxy_port}/tcp .*# mainstay`));
    await with_ufw!.reboot();
    expect(await scan(with_ufw!)).toEqual({ v4: [22, proxy_port], v6: [] });
    await secure(with_ufw!, 'tunnel', '--ssh-from', '192.0.2.0/24');
    await is(with_ufw!, 'tunnel');
    expect(await scan(with_ufw!)).toEqual({ v4: [], v6: [] });
  });

  test('removing the agent puts every rule and file back to the byte', async () => {
    for (const host of [plain!, with_ufw!]) {
      await host.run(['mainstay-agent', 'uninstall', '--yes']);
      expect(await firewallOf(host)).toBe(before.get(host.name));
    }
    forward(plain!);
    expect(await scan(plain!)).toMatchObject({ v4: [22, other_port, published_port] });
  });

  test('the line of an invitation takes the mode, says when it is in force, and refuses to cut who runs it', async () => {
    const { result } = await panel.client['servers.invite']({ server: 'h3' });
    const session = outside!.exec([...ssh(plain!, 'sleep', '30')], { timeout_ms: 120_000 });
    await expect.poll(() => plain!.run(['ss', '-Htn', 'state', 'established', 'sport = :22'])).toContain(outside!.ip);
    const refused = await plain!.exec(['bash', '-c', `${result!.install!} --security-mode tunnel`], {
      timeout_ms: 180_000,
    });
    console.log(refused.stderr);
    expect(refused.stderr).toContain(`would cut SSH sessions that are open now, from ${outside!.ip}`);
    expect(refused.code).not.toBe(0);
    expect((await plain!.exec(['nft', 'list', 'table', 'inet', 'mainstay'])).code).not.toBe(0);
    expect((await session).code).toBe(0);
    const line = `${result!.install!} --security-mode tunnel --ssh-from ${outside!.ip}/32`;
    const said = await plain!.run(['bash', '-c', line], { timeout_ms: 180_000 });
    console.log(said);
    expect(said).toContain(`Security mode tunnel, in force by nftables; open: SSH from ${outside!.ip}/32.`);
    expect(await plain!.run(['mainstay-agent', 'status'])).toMatch(/^security +tunnel, in force by nftables/m);
    expect(await scan(plain!)).toEqual({ v4: [22], v6: [] });
  });
});
