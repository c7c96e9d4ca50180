/**
 * The agent's package from outside: the line of an invitation on real servers, what is refused, what the agent says of itself, and what
 * is left when it goes.
 */
import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences, filesOf, filesSince } from './host-files.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';
import { built_agent, openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: installing the agent on hosts of the lab: ${missing}`);

const http_port = 31_010;
const https_port = 31_020;

/** The goal from running the line to its last word, which is that the server was seen; twice that on a machine that others use. */
const goal_seconds = 15;

const invite = async (panel: Panel, server: string, expires_seconds = 600) => {
  const { result } = await panel.client['servers.invite']({ server, expires_seconds });
  return { token: result!.token!, install: result!.install! };
};
const stateOf = async (panel: Panel, name: string) =>
  (await panel.client['servers.list']({})).servers.find((server) => server.name === name)?.state;
/** As somebody does who pastes the line into a terminal. */
const paste = (host: LabHost, line: string) => host.exec(['bash', '-c', line], { cwd: '/root', timeout_ms: 120_000 });
const uninstall = (host: LabHost, ...options: string[]) =>
  host.run(['mainstay-agent', 'uninstall', '--yes', ...options]);

describe.skipIf(missing !== null)(`installing the agent${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let release: string;
  let late: { install: string; expires_at: number };
  const before = new Map<string, string[]>();
  const [h1, h2, h3] = ['h1', 'h2', 'h3'].map((name) => () => lab.host(name)) as [
    () => LabHost,
    () => LabHost,
    () => LabHost,
  ];

  /** A release of its own that may be altered, and stays when the agent is built anew meanwhile: the large files are links to what was built. */
  const alterable = () => {
    const folder = mkdtempSync(join(dirname(built_agent), 'release-'));
    for (const name of readdirSync(built_agent)) {
      const from = join(built_agent, name);
      if (/^release|\.sh$/.test(name)) copyFileSync(from, join(folder, name));
      else linkSync(from, join(folder, name));
    }
    return folder;
  };

  beforeAll(async () => {
    release = alterable();
    lab = await openLab({ hosts: 3, name: 'pkg', packages: ['sudo'] });
    panel = await openPanel(lab, { port: http_port, agent_dir: release });
    for (const host of lab.hosts()) {
      await host.run(['touch', '/srv/mark']);
      before.set(host.name, await filesOf(host));
    }
  });
  afterAll(async () => {
    await panel?.close();
    await lab?.down();
    rmSync(release, { recursive: true, force: true });
  });

  const leavesNothing = async (host: LabHost) => {
    expect(differences(before.get(host.name)!, await filesOf(host))).toEqual([]);
    expect(
      await host.run(['find', '/run/systemd/system', '/run/mainstay', '-name', '*mainstay*']).catch(() => ''),
    ).toBe('');
  };
  const refuses = async (host: LabHost, line: string, why: string) => {
    const { code, stderr } = await paste(host, line);
    expect(stderr).toContain(why);
    expect(code).not.toBe(0);
    await leavesNothing(host);
  };

  test('a program that is another than its manifest says is refused, and leaves nothing', async () => {
    const { install } = await invite(panel, 'h1');
    const name = readdirSync(release).find((file) => /-linux-[a-z0-9]+$/.test(file))!;
    renameSync(join(release, name), join(release, 'whole'));
    renameSync(join(release, `${name}.gz`), join(release, 'whole.gz'));
    copyFileSync(join(release, 'whole'), join(release, name));
    appendFileSync(join(release, name), 'x');
    await refuses(h1(), install, 'is not what its manifest says');
    renameSync(join(release, 'whole'), join(release, name));
    renameSync(join(release, 'whole.gz'), join(release, `${name}.gz`));
  });

  test('a manifest that is another than the line says is refused, and so is a signature that does not hold', async () => {
    const { install } = await invite(panel, 'h1');
    const manifest = readFileSync(join(release, 'release.json'), 'utf8');
    writeFileSync(join(release, 'release.json'), `${manifest} `);
    await refuses(h1(), install, 'is another than the line says (--release-sha256)');
    writeFileSync(join(release, 'release.json'), manifest);
    const signature = readFileSync(join(release, 'release.json.sig'), 'utf8');
    writeFileSync(join(release, 'release.json.sig'), `${Buffer.alloc(64, 7).toString('base64')}\n`);
    await refuses(h1(), install, 'The signature of the release does not hold');
    writeFileSync(join(release, 'release.json.sig'), signature);
  });

  test('a panel that cannot be reached, a token that is none, and options that there are not are refused with what to do', async () => {
    const { install, token } = await invite(panel, 'h1');
    await refuses(h1(), `${install} --url http://${lab.network.gateway}:31099`, 'could not be fetched');
    await refuses(h1(), install.replace(token, 'mst_x.y'), 'not of the form');
    await refuses(h1(), `${install} --security-mode open`, 'is not a mode');
    await refuses(h1(), `${install} --colour`, 'There is no option --colour');
    await refuses(h1(), install.replace(/--release-sha256 \S+/, ''), 'is not encrypted');
  });

  test('three servers enrol at once by the very line of their invitation, within the goal', async () => {
    const seconds = await Promise.all(
      lab.hosts().map(async (host) => {
        const { install } = await invite(panel, host.name);
        const began = performance.now();
        const { code, stdout, stderr } = await paste(host, install);
        const seen = (performance.now() - began) / 1000;
        expect(await stateOf(panel, host.name)).toBe('online');
        expect(stderr).toBe('');
        expect(code).toBe(0);
        expect(stdout).toContain(`The control plane sees this server as ${host.name}`);
        return seen;
      }),
    );
    console.log(
      `from the line to being seen, 3 servers at once: ${seconds.map((each) => each.toFixed(1)).join(', ')} s`,
    );
    expect(Math.max(...seconds)).toBeLessThan(2 * goal_seconds);
  });

  test('the line once more changes nothing, and says so', async () => {
    const { install } = await invite(panel, 'another');
    const files = await filesOf(h1());
    const { MainPID } = await unit(h1());
    const { code, stdout } = await paste(h1(), install);
    expect(stdout).toMatch(/^Nothing to do: this server is h1, and the control plane sees it\.\n/);
    expect(code).toBe(0);
    expect((await unit(h1())).MainPID).toBe(MainPID);
    const changed = differences(files, await filesOf(h1())).filter((line) => !/mainstay-agent\/.*sqlite/.test(line));
    expect(changed).toEqual([]);
    expect(await stateOf(panel, 'another'), 'its token is not spent').toBe('invited');
  });

  test('doctor and status say how it is, also when it is not well', async () => {
    const doctor = await h1().exec(['mainstay-agent', 'doctor']);
    expect(doctor.stdout).not.toContain('WRONG');
    expect(doctor.stdout).toMatch(/^ok +agent +is h1, and the control plane sees it$/m);
    expect(doctor.code).toBe(0);
    const status = await h1().exec(['mainstay-agent', 'status']);
    expect(status.stdout).toMatch(/^server +h1$/m);
    expect(status.code).toBe(0);
    console.log(`${doctor.stdout}\n${status.stdout}`);

    await h1().run(['systemctl', 'stop', 'mainstay-agent']);
    const ill = await h1().exec(['mainstay-agent', 'doctor']);
    expect(ill.stdout).toMatch(/^WRONG +unit +mainstay-agent.service is inactive/m);
    expect(ill.code).toBe(1);
    expect((await h1().exec(['mainstay-agent', 'status'])).stdout).toContain('the agent does not answer');
    await h1().run(['systemctl', 'start', 'mainstay-agent']);
    await expect.poll(async () => (await h1().exec(['mainstay-agent', 'status'])).code).toBe(0);
  });

  test('it is there again after a power cut, with its unit restricted as far as its work allows', async () => {
    await h2().powerOff();
    await h2().boot();
    await expect.poll(async () => (await h2().exec(['mainstay-agent', 'status'])).code).toBe(0);
    const { stdout } = await h2().exec(['systemd-analyze', 'security', '--no-pager', 'mainstay-agent.service']);
    console.log(stdout.trim().split('\n').at(-1));
  });

  test('a server whose data was kept is the same one again when it is installed anew, without a token', async () => {
    const said = await uninstall(h2(), '--keep-data');
    expect(said).toContain('Its data is kept: /var/lib/mainstay-agent');
    expect((await h2().exec(['mainstay-agent', 'status'])).code).not.toBe(0);
    const left = differences(before.get('h2')!, await filesOf(h2()));
    expect(left.filter((line) => !line.startsWith('+ /var/lib/mainstay-agent'))).toEqual([]);
    const { install, token } = await invite(panel, 'another');
    const { stdout } = await paste(h2(), install.replace(`--token ${token} `, ''));
    expect(stdout).toContain('The control plane sees this server as h2');
  });

  test('what was removed leaves nothing but logs and package caches, and its panel may be gone', async () => {
    await panel.close();
    await expect.poll(async () => (await h1().exec(['mainstay-agent', 'doctor'])).stdout).toMatch(/^WRONG +panel /m);
    for (const host of lab.hosts()) {
      console.log(await uninstall(host));
      console.log(`find / -newer on ${host.name}: ${(await filesSince(host, '/srv/mark')).join(' ') || '(nothing)'}`);
      await leavesNothing(host);
      expect(await filesSince(host, '/srv/mark')).toEqual([]);
      expect((await host.exec(['pgrep', '-f', 'mainstay'])).stdout).toBe('');
      expect((await host.exec(['systemctl', 'list-units', '--all', '--no-legend', 'mainstay*'])).stdout.trim()).toBe(
        '',
      );
    }
  });

  test('a panel with an authority of its own is believed by what the line says of it, and by nothing else', async () => {
    panel = await openPanel(lab, { port: https_port, tls: true, agent_dir: release });
    late = { ...(await invite(panel, 'late', 60)), expires_at: Date.now() + 60_000 };
    const { install } = await invite(panel, 'h1');
    const other = install.replace(/--ca-sha256 [0-9a-f]+/, `--ca-sha256 ${'0'.repeat(64)}`);
    await refuses(h1(), other, 'is another than the line says (--ca-sha256)');
    await refuses(
      h1(),
      install.replace(/"[0-9a-f]{64} /, `"${'0'.repeat(64)} `),
      'install.sh is another than this line says',
    );
    const { stdout } = await paste(h1(), install);
    expect(stdout).toContain('The control plane sees this server as h1');
    expect(await stateOf(panel, 'h1')).toBe('online');
    await uninstall(h1());
    await refuses(h1(), install, 'token');
  });

  test('the Debian package installs, enrols, is not removed under an enrolled server, and goes', async () => {
    const { token } = await invite(panel, 'h3');
    const deb = readdirSync(release).find((file) => file.endsWith('.deb'));
    await h3().run(['curl', '-fsSk', '-o', '/run/agent.deb', `${panel.url}/agent/releases/${deb}`]);
    await h3().run(['curl', '-fsSk', '-o', '/run/ca.pem', `${panel.url}/agent/ca.pem`]);
    await h3().run(['dpkg', '-i', '/run/agent.deb']);
    await h3().writeFile('/run/token', token, '0600');
    const given = ['--url', panel.url, '--token-file', '/run/token', '--ca-file', '/run/ca.pem'];
    expect(await h3().run(['mainstay-agent', 'install', ...given])).toContain('sees this server as h3');
    expect(await h3().run(['systemctl', 'show', '-p', 'ExecStart', 'mainstay-agent'])).toContain(
      '/usr/bin/mainstay-agent',
    );
    expect((await h3().exec(['dpkg', '--remove', 'mainstay-agent'])).stderr).toContain('this server is enrolled');
    await uninstall(h3());
    await h3().run(['dpkg', '--purge', 'mainstay-agent']);
    await leavesNothing(h3());
  });

  test('a token that has expired is refused, and leaves nothing', async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, late.expires_at + 1_000 - Date.now())));
    await refuses(h1(), late.install, 'expired');
  });
});

async function unit(host: LabHost): Promise<{ MainPID: string }> {
  const text = await host.run(['systemctl', 'show', '-p', 'MainPID', 'mainstay-agent']);
  return { MainPID: text.trim().split('=')[1]! };
}
