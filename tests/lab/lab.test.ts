/** The lab itself: what the tests of servers stand on. Needs root and the packages of `node scripts/setup.mjs --lab`. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import {
  cutNetwork,
  fillDisk,
  freeDisk,
  healNetwork,
  hinderNetwork,
  killUnit,
} from '@mainstay/runtime/local-hosts/index';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, openLab, whyNoLab } from './open-lab.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: the lab: ${missing}`);

describe.skipIf(missing !== null)(`a lab of containers${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let before: string[];
  let lab: Lab;
  beforeAll(async () => {
    before = traces();
    lab = await openLab({ hosts: 2, name: 'self', disk_mb: 512 });
  });
  afterAll(() => lab?.down());

  test('each host has its own name, address, systemd and machine id, and sees the machine and the other host', async () => {
    const ids = new Set<string>();
    for (const host of lab.hosts()) {
      expect((await host.run(['hostname'])).trim()).toBe(host.name);
      expect(await host.run(['ip', '-br', 'addr', 'show', 'eth0'])).toContain(host.ip);
      expect(await host.run(['ps', '-p', '1', '-o', 'comm='])).toBe('systemd\n');
      ids.add((await host.readFile('/etc/machine-id')).trim());
      await serve(host.name, 8080, host.name);
    }
    expect(ids.size).toBe(2);
    const [h1, h2] = [lab.host('h1'), lab.host('h2')];
    await expect.poll(() => h1.run(['curl', '-sS', `http://${h2.ip}:8080/`])).toBe('h2');
    await expect.poll(() => h1.run(['curl', '-gsS', `http://[${h2.ip6}]:8080/`])).toBe('h2');
    expect(await (await fetch(`http://${h1.ip}:8080/`)).text()).toBe('h1');
  });

  test('a command has its own words, input, environment and exit code, and is killed when its time is up', async () => {
    const host = lab.host('h1');
    const odd = `a b"c'$(id)\n;`;
    expect(await host.run(['printf', '%s', odd])).toBe(odd);
    expect(await host.run(['cat'], { stdin: 'typed' })).toBe('typed');
    expect(await host.run(['printenv', 'COLOUR'], { env: { COLOUR: 'blue' } })).toBe('blue\n');
    expect(await host.run(['env'])).not.toContain('VITEST');
    expect((await host.exec(['sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await host.exec(['sleep', '600'], { timeout_ms: 200 })).killed).toBe('timeout');
    const chunks: string[] = [];
    await host.run(['echo', 'seen'], { onOutput: (_, chunk) => chunks.push(chunk.toString()) });
    expect(chunks.join('')).toBe('seen\n');
    await host.writeFile('/srv/deep/file', 'content', '0600');
    expect(await host.run(['stat', '-c', '%a', '/srv/deep/file'])).toBe('600\n');
    await expect(host.run(['ls', '/nowhere'])).rejects.toThrow(/No such file/);
  });

  test('a power cut loses what runs and keeps what was written; a reboot loses rules of the firewall', async () => {
    const host = lab.host('h1');
    await host.run(['systemd-run', '--unit=lab-sleeper', 'sleep', '10000']);
    await host.writeFile('/var/kept', 'kept');
    const first = await host.bootId();
    await host.powerOff();
    expect(await host.state()).toBe('off');
    await expect(host.exec(['true'])).rejects.toThrow(/not running/);
    await host.boot();
    expect(await host.readFile('/var/kept')).toBe('kept');
    expect((await host.exec(['systemctl', 'is-active', 'lab-sleeper'])).stdout).toBe('inactive\n');
    await host.run(['ip', 'route', 'add', 'blackhole', '198.51.100.0/24']);
    const second = await host.bootId();
    await host.reboot();
    expect(new Set([first, second, await host.bootId()]).size).toBe(3);
    expect(await host.run(['ip', 'route'])).not.toContain('198.51.100.0');
  });

  test('a paused host answers nobody, and goes on where it stood', async () => {
    const host = lab.host('h2');
    const boot = await host.bootId();
    await serve('h2', 8081, 'awake');
    await expect.poll(() => fetchText(`http://${host.ip}:8081/`)).toBe('awake');
    await host.pause();
    expect(await host.state()).toBe('paused');
    await expect(fetch(`http://${host.ip}:8081/`, { signal: AbortSignal.timeout(1_000) })).rejects.toThrow();
    await host.unpause();
    expect(await (await fetch(`http://${host.ip}:8081/`)).text()).toBe('awake');
    expect(await host.bootId()).toBe(boot);
  });

  test('a cut host is reached by nobody but its console, and healing it connects it again', async () => {
    const host = lab.host('h2');
    await serve('h2', 8082, 'here');
    await expect.poll(() => fetchText(`http://${host.ip}:8082/`)).toBe('here');
    await cutNetwork(host);
    expect((await lab.host('h1').exec(['curl', '-sS', '-m', '2', `http://${host.ip}:8082/`])).code).not.toBe(0);
    expect(await host.run(['echo', 'console'])).toBe('console\n');
    await healNetwork(host);
    await expect.poll(() => fetchText(`http://${host.ip}:8082/`)).toBe('here');
  });

  test('loss takes all packets at 100 percent and none after healing; a delay is had or refused with the reason', async () => {
    const host = lab.host('h2');
    await hinderNetwork(host, { loss_percent: 100 });
    expect((await lab.host('h1').exec(['curl', '-sS', '-m', '2', `http://${host.ip}:8082/`])).code).not.toBe(0);
    await healNetwork(host);
    await expect.poll(() => fetchText(`http://${host.ip}:8082/`)).toBe('here');
    const slow = await hinderNetwork(host, { delay_ms: 300 }).then(
      () => 'slow',
      (error: Error) => error.message,
    );
    const began = performance.now();
    await fetchText(`http://${host.ip}:8082/`);
    if (slow === 'slow') expect(performance.now() - began).toBeGreaterThan(300);
    else expect(slow).toContain('netem');
    await healNetwork(host);
  });

  test('a full disk refuses writes, and takes them again when it is freed', async () => {
    const host = lab.host('h1');
    await fillDisk(host);
    const full = await host.exec(['dd', 'if=/dev/zero', 'of=/srv/more', 'bs=1M', 'count=8']);
    expect(full.stderr).toContain('No space left on device');
    await freeDisk(host);
    await host.run(['dd', 'if=/dev/zero', 'of=/srv/more', 'bs=1M', 'count=8']);
  });

  test('a unit that is killed dies by SIGKILL', async () => {
    const host = lab.host('h1');
    await host.run(['systemd-run', '--unit=lab-victim', 'sleep', '10000']);
    await killUnit(host, 'lab-victim.service');
    const result = () => host.run(['systemctl', 'show', '-p', 'Result,ExecMainStatus', 'lab-victim.service']);
    await expect.poll(result).toContain('ExecMainStatus=9');
  });

  test('the clock of a container is refused, since it is the machine’s', async () => {
    await expect(lab.host('h1').shiftClock(60)).rejects.toThrow(/clock is the machine/);
  });

  test('hosts that are there stay as they are when the same ones are asked for', async () => {
    const boot = await lab.host('h1').bootId();
    await lab.add([{}, {}, {}]);
    expect(lab.hosts().map(({ name }) => name)).toEqual(['h1', 'h2', 'h3']);
    expect(await lab.host('h1').bootId()).toBe(boot);
  });

  test('another lab has another network, and going down it takes nothing of this one', async () => {
    const other = await openLab({ hosts: 1, name: 'other' });
    expect(other.network.range).not.toBe(lab.network.range);
    await other.down();
    expect(await lab.host('h1').run(['echo', 'alive'])).toBe('alive\n');
  });

  // The last one: the lab is gone after it.
  test('a lab that goes down leaves no process, mount, interface, namespace, table, cgroup or folder', async () => {
    const during = traces();
    expect(during.length).toBeGreaterThan(before.length);
    const index = lab.network.index;
    await lab.down();
    expect(traces().filter((trace) => new RegExp(`mlh${index}(?![0-9])|/${lab.name}(/|$)`).test(trace))).toEqual([]);
    await lab.down();
  });

  async function serve(name: string, port: number, text: string): Promise<void> {
    const reply = `HTTP/1.0 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    const host = lab.host(name);
    await host.writeFile(`/srv/answer-${port}`, reply);
    await host.writeFile(`/etc/systemd/system/answer-${port}.socket`, `[Socket]\nListenStream=${port}\nAccept=yes\n`);
    const unit = `[Service]\nExecStart=sh -c 'read -r line; cat /srv/answer-${port}'\nStandardInput=socket\nStandardOutput=socket\n`;
    await host.writeFile(`/etc/systemd/system/answer-${port}@.service`, unit);
    await host.run(['systemctl', 'daemon-reload']);
    await host.run(['systemctl', 'start', `answer-${port}.socket`]);
  }
});

const noMachines = whyNoLab('vm');
if (noMachines) console.warn(`skipped: virtual machines: ${noMachines}`);

describe.skipIf(noMachines !== null)(`a virtual machine${noMachines ? ` (skipped: ${noMachines})` : ''}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ hosts: [{ kind: 'vm' }], name: 'machine' });
  });
  afterAll(() => lab?.down());

  test('limits of memory hold, because the kernel is its own', async () => {
    const host = lab.host('h1');
    expect(await host.run(['stat', '-fc', '%T', '/sys/fs/cgroup'])).toBe('cgroup2fs\n');
    const eater = ['tail', '/dev/zero'];
    const run = ['systemd-run', '--wait', '--unit=lab-eater', '-p', 'MemoryMax=32M', '-p', 'MemorySwapMax=0'] as const;
    expect((await host.exec([...run, ...eater])).code).not.toBe(0);
    expect(await host.run(['journalctl', '-u', 'lab-eater', '--no-pager'])).toContain('oom-kill');
  });

  test('commands reach it with the network cut, and its clock can be set off', async () => {
    const host = lab.host('h1');
    await cutNetwork(host);
    expect((await host.exec(['curl', '-sS', '-m', '2', `http://${lab.network.gateway}/`])).code).not.toBe(0);
    await healNetwork(host);
    expect(await host.run(['cat'], { stdin: 'typed' })).toBe('typed');
    expect((await host.exec(['sleep', '600'], { timeout_ms: 500 })).killed).toBe('timeout');
    await host.shiftClock(-86_400);
    const clock = Number(await host.run(['date', '+%s']));
    expect(Date.now() / 1000 - clock).toBeGreaterThan(80_000);
  });

  test('a power cut and a boot bring it back with its disk', async () => {
    const host = lab.host('h1');
    await host.writeFile('/var/kept', 'kept');
    await host.run(['sync']);
    await host.powerOff();
    expect(await host.state()).toBe('off');
    await host.boot();
    expect(await host.readFile('/var/kept')).toBe('kept');
  });
});

async function fetchText(url: string): Promise<string> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text();
  } catch (error) {
    return String(error);
  }
}

/** Everything on the machine that names a group of hosts. */
function traces(): string[] {
  const list = (folder: string) => (existsSync(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : []);
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .map((pid) => textOf(`/proc/${pid}/cmdline`));
  const found = [
    ...list('/sys/class/net'),
    ...list('/run/netns'),
    ...list('/sys/fs/cgroup'),
    ...list('/sys/fs/cgroup/systemd'),
    ...list('/sys/fs/cgroup/unified'),
    ...list('/run/systemd/nspawn/propagate'),
    ...list('/var/lib/mainstay/local-hosts/groups'),
    ...textOf('/proc/self/mountinfo').split('\n'),
    ...execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }).split('\n'),
    ...execFileSync('losetup', ['-a'], { encoding: 'utf8' }).split('\n'),
    ...processes,
  ];
  return found.filter((line) => /\bmlh\d|local-hosts\/groups\//.test(line)).sort();
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
