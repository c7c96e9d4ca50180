/** Names of services on real hosts: split DNS by systemd-resolved, and the hosts file where that is missing. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: names on hosts of the lab: ${missing}`);

const begin = [
  'systemd-run',
  '--quiet',
  '--unit=names',
  '--collect',
  '/opt/node',
  '/opt/names-program.mjs',
  'hold',
] as const;

async function installProgram(host: LabHost): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('./names-program.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
  await host.writeFile('/opt/names-program.mjs', outputFiles[0]?.text ?? '');
  await host.writeFile('/opt/node', readFileSync(process.execPath), '0755');
}

/** All that names could have changed: files of /etc, links with their addresses, routes, and what resolved was told. */
async function traces(host: LabHost): Promise<string> {
  const resolved = await host.exec(['resolvectl', 'status']);
  return [
    await host.run(['sh', '-c', 'find /etc -xdev ! -type d -printf "%p %m %u %l\n" | sort']),
    await host.run(['sh', '-c', 'find /etc -xdev -type f -exec sha256sum {} + | sort']),
    (await host.run(['ip', '-br', '-4', 'address'])).replaceAll(/@if\d+/g, ''),
    await host.run(['ip', '-4', 'route', 'show', 'table', 'all']),
    resolved.stdout,
  ].join('\n');
}

const addressOf = async (host: LabHost, name: string) => (await host.exec(['getent', 'ahostsv4', name])).stdout;
const known = (host: LabHost, name: string) =>
  expect.poll(() => addressOf(host, name)).toMatch(/^127\.0\.0\.1\s+STREAM/);
/** By our responder, which alone has SRV records. */
const served = (host: LabHost, service: string) => {
  const query = ['resolvectl', 'query', '--cache=no', '--type=SRV', `_http._tcp.${service}.svc.internal`] as const;
  return expect.poll(async () => (await host.exec([...query])).stdout).toContain(`${service}.svc.internal`);
};
const said = (host: LabHost) => host.run(['journalctl', '-u', 'names', '-o', 'cat', '--no-pager']);
const stop = (host: LabHost) => host.run(['systemctl', 'stop', 'names']);
/** Ports of a host that another host can open a connection to. */
async function openPorts(from: LabHost, to: LabHost, ports: number[]): Promise<number[]> {
  const found: number[] = [];
  for (const port of ports) {
    const { code } = await from.exec(['curl', '-s', '-m', '3', `telnet://${to.ip}:${port}`], { stdin: '' });
    if (code !== 7) found.push(port);
  }
  return found;
}

describe.skipIf(missing !== null)(`names on hosts of the lab${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let resolved: LabHost;
  let plain: LabHost;
  beforeAll(async () => {
    lab = await openLab({
      name: 'names',
      hosts: [{ packages: ['systemd-resolved', 'libnss-resolve'] }, {}],
    });
    [resolved, plain] = [lab.host('h1'), lab.host('h2')];
    for (const host of [resolved, plain]) await installProgram(host);
  });
  afterAll(() => lab?.down());

  test('with resolved, programs find services by name, nobody else does, and all other names go where they went', async () => {
    const before = await traces(resolved);
    await resolved.run([...begin, 'api', 'web']);
    await known(resolved, 'api.svc.internal');
    await expect.poll(() => said(resolved)).toContain('{"state":"active","how":"resolved","drift":null}');
    expect(await resolved.run(['curl', '-sS', 'http://web.svc.internal/'])).toBe('web.svc.internal');
    await served(resolved, 'web');
    const none = await resolved.exec(['resolvectl', 'query', 'nobody.svc.internal']);
    expect(none.stderr).toContain("'nobody.svc.internal' not found");
    const status = await resolved.run(['resolvectl', 'status', 'mainstay0']);
    expect(status).toContain('-DefaultRoute');
    expect(status).toMatch(/DNS Domain: ~svc\.internal\n/);
    // Only our zone comes to us: another name is refused here, and was never asked here by resolved.
    expect((await resolved.exec(['resolvectl', 'query', '--interface=mainstay0', 'example.com'])).code).not.toBe(0);
    const listens = "require('net').createServer().listen(8099, '0.0.0.0')";
    await resolved.run(['systemd-run', '--quiet', '--unit=open-port', '/opt/node', '-e', listens]);
    await expect.poll(() => openPorts(plain, resolved, [53, 80, 8099])).toEqual([8099]);
    await resolved.run(['systemctl', 'stop', 'open-port']);
    await stop(resolved);
    await resolved.run(['/opt/node', '/opt/names-program.mjs', 'remove']);
    expect(await traces(resolved)).toBe(before);
    expect(await addressOf(resolved, 'api.svc.internal')).toBe('');
  });

  test('with resolved, names come back after a kill, a restart of resolved, and whatever is done to the link', async () => {
    await resolved.run([...begin, 'api']);
    await served(resolved, 'api');
    for (const command of [
      ['ip', 'link', 'delete', 'mainstay0'],
      ['ip', 'link', 'set', 'mainstay0', 'down'],
      ['resolvectl', 'revert', 'mainstay0'],
      ['resolvectl', 'dns', 'mainstay0', '192.0.2.1'],
    ] as const) {
      const lines = (await said(resolved)).length;
      await resolved.run([...command]);
      await expect.poll(async () => (await said(resolved)).slice(lines)).toContain('mainstay0');
      await served(resolved, 'api');
    }
    await resolved.run(['systemctl', 'restart', 'systemd-resolved']);
    await served(resolved, 'api');
    await resolved.run(['systemctl', 'kill', '--signal=SIGKILL', 'names']);
    await expect.poll(async () => (await resolved.exec(['systemctl', 'is-active', 'names'])).stdout).toBe('inactive\n');
    expect(await addressOf(resolved, 'api.svc.internal')).toMatch(/^127\.0\.0\.1\s+STREAM/);
    await resolved.run([...begin, 'api', 'new']);
    await known(resolved, 'new.svc.internal');
    await served(resolved, 'new');
  });

  test('with resolved, names are there from the first moment of a boot, and all of DNS as soon as the agent is', async () => {
    await resolved.reboot();
    expect(await addressOf(resolved, 'api.svc.internal')).toMatch(/^127\.0\.0\.1\s+STREAM/);
    await resolved.run([...begin, 'api']);
    await served(resolved, 'api');
    await stop(resolved);
    await resolved.run(['/opt/node', '/opt/names-program.mjs', 'remove']);
  });

  test('without resolved, names are in the hosts file, survive a reboot, and are taken out to the byte', async () => {
    const before = await traces(plain);
    await plain.run([...begin, 'api', 'web']);
    await known(plain, 'api.svc.internal');
    await expect.poll(() => said(plain)).toContain('{"state":"active","how":"hosts","drift":null}');
    expect(await plain.run(['curl', '-sS', 'http://web.svc.internal/'])).toBe('web.svc.internal');
    await plain.run(['sed', '-i', '/api.svc/d', '/etc/hosts']);
    await known(plain, 'api.svc.internal');
    await expect.poll(() => said(plain)).toContain('was changed');
    expect(await openPorts(resolved, plain, [53, 80])).toEqual([]);
    await plain.reboot();
    await known(plain, 'api.svc.internal');
    await plain.run(['/opt/node', '/opt/names-program.mjs', 'remove']);
    expect(await traces(plain)).toBe(before);
  });

  test('a hosts file that is mounted, as in containers, is written in place', async () => {
    await plain.writeFile('/srv/hosts', '127.0.0.1 localhost\n10.0.0.1 other');
    await plain.run(['touch', '/etc/hosts']);
    await plain.run(['mount', '--bind', '/srv/hosts', '/etc/hosts']);
    await plain.run([...begin, 'api']);
    await known(plain, 'api.svc.internal');
    expect(await plain.readFile('/srv/hosts')).toContain('127.0.0.1 api.svc.internal\n');
    await stop(plain);
    await plain.run(['/opt/node', '/opt/names-program.mjs', 'remove']);
    expect(await plain.readFile('/srv/hosts')).toBe('127.0.0.1 localhost\n10.0.0.1 other');
  });
});
