/**
 * HAProxy as a unit on a real server, with Debian's package: the laws of the proxy inside of the host, and from outside of it releases
 * switched, routes changed, ports handed over, the process killed and the host rebooted, with nobody there who would help.
 */
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { host_node, runHostTests, takeIntoHost } from './in-host/run-in-host.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: HAProxy on hosts of the lab: ${missing}`);

const source = join(import.meta.dirname, 'in-host', 'haproxy-laws.ts');
const program = '/opt/haproxy-program.mjs';
const home = '/var/lib/mainstay-agent/haproxy';
const unit = 'mainstay-haproxy.service';
const external = 8080;
const exposure_max = 2.5;

type Answer = { status: number; body: string };
function ask(host: LabHost, agent: Agent | false, path = '/'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: host.ip, port: external, path, agent, timeout: 20_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 20 s')));
    outgoing.once('error', reject).end();
  });
}

/** Sends so many requests a second, whatever becomes of those before, until it is stopped. */
function startLoad(host: LabHost, per_second: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const failed: string[] = [];
  const bodies = new Set<string>();
  const open = new Set<Promise<void>>();
  let sent = 0;
  const began = performance.now();
  const timer = setInterval(() => {
    while (sent < ((performance.now() - began) * per_second) / 1_000) {
      sent++;
      const one: Promise<void> = ask(host, agent)
        .then(({ status, body }) => {
          if (status === 200) bodies.add(body);
          else failed.push(`${status} ${body}`);
        })
        .catch((error: Error) => void failed.push(error.message))
        .finally(() => open.delete(one));
      open.add(one);
    }
  }, 10);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
      return { sent, failed, bodies, per_second: (sent * 1_000) / (performance.now() - began) };
    },
  };
}

describe.skipIf(missing !== null)(`HAProxy on hosts${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let host: LabHost;

  beforeAll(async () => {
    lab = await openLab({ hosts: 1, name: 'hx', packages: ['haproxy'] });
    host = lab.host('h1');
    await takeIntoHost(lab, host, source, program);
  });
  afterAll(() => lab?.down());

  const begin = async (port: number) => {
    const text = `[Unit]\n[Service]\nExecStart=${host_node} ${program} --service ${port}\n[Install]\nWantedBy=multi-user.target\n`;
    await host.writeFile(`/etc/systemd/system/app-${port}.service`, text);
    await host.run(['systemctl', 'enable', '--now', '--quiet', `app-${port}`]);
    await expect
      .poll(async () => (await host.exec(['curl', '-s', `http://127.0.0.1:${port}/`])).stdout, { timeout: 20_000 })
      .toBe(`${port}`);
  };
  const apply = (port: number, ...more: string[]) =>
    host.run([host_node, program, '--apply', home, `${external}`, `${port}`, ...more]);
  const served = () =>
    ask(host, false).then(
      ({ body }) => body,
      () => null,
    );
  const property = async (name: string) => (await host.run(['systemctl', 'show', unit, '--value', '-p', name])).trim();

  test('the laws of the proxy hold for it as a unit', async () => {
    const results = await runHostTests(host, program);
    const failed = results.filter(({ state }) => state === 'failed');
    expect(failed.map(({ title, error }) => `${title}: ${error}`)).toEqual([]);
    expect(results.filter(({ state }) => state === 'passed').length).toBeGreaterThan(75);
  });

  test('it is confined, and its workers are not root', async () => {
    await begin(3001);
    await apply(3001);
    expect(await served()).toBe('3001');
    expect(await property('ActiveState')).toBe('active');
    const users = await host.run(['ps', '-C', 'haproxy', '-o', 'user=,args=']);
    const workers = users.split('\n').filter((line) => line.includes(home));
    expect(workers.map((line) => line.split(/\s+/)[0]).sort()).toEqual(['haproxy', 'root']);
    const said = await host.run(['systemd-analyze', 'security', '--no-pager', unit]);
    const exposure = Number(/exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
    console.log(`exposure of ${unit}: ${exposure}`);
    expect(exposure).toBeLessThanOrEqual(exposure_max);
  });

  test('releases are switched and configurations reloaded at 500 requests/s with WebSockets and a stream: 0 failed', async () => {
    await begin(3001);
    await begin(3002);
    await apply(3001);
    const socket = new WebSocket(`ws://${host.ip}:${external}/`);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    let streamed = 0;
    let stream_ended = false;
    const stream = request({ host: host.ip, port: external, path: '/stream', agent: false }, (response) => {
      response.on('data', (chunk: Buffer) => {
        streamed += chunk.length;
      });
      response.once('close', () => {
        stream_ended = true;
      });
    }).on('error', () => {});
    stream.end();
    const load = startLoad(host, 500);
    const reloads = Number(await property('NRestarts'));
    for (let turn = 0; turn < 10; turn++) {
      await apply(turn % 2 === 0 ? 3002 : 3001);
      // A change of routes needs a reload.
      if (turn % 3 === 0) await host.run(['systemctl', 'reload', unit]);
    }
    const { sent, failed, bodies, per_second } = await load.stop();
    console.log(`${sent} requests, ${per_second.toFixed(0)} a second, ${failed.length} failed, 10 switches, 4 reloads`);
    expect(failed).toEqual([]);
    expect([...bodies].sort()).toEqual(['3001', '3002']);
    const echo = new Promise((resolve) => socket.once('message', (data) => resolve(String(data))));
    socket.send('still here');
    expect(await echo).toBe('still here');
    expect([streamed > 0, stream_ended]).toEqual([true, false]);
    expect(Number(await property('NRestarts'))).toBe(reloads);
    socket.terminate();
    stream.destroy();
  });

  test('a port that changes hands is held for as long as it takes: 0 failed', async () => {
    await begin(3001);
    await apply(3001);
    const load = startLoad(host, 200);
    await sleep(300);
    await apply(3001, 'held');
    await sleep(300);
    await host.run(['systemctl', 'stop', 'app-3001']);
    await sleep(800);
    await begin(3001);
    await apply(3001);
    await sleep(300);
    const { sent, failed } = await load.stop();
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(200);
  });

  test('killed, it is back by itself; after a reboot it serves what it served, with no agent there', async () => {
    await begin(3002);
    await apply(3002);
    await host.run(['systemctl', 'kill', '--signal=SIGKILL', unit]);
    await expect.poll(served, { timeout: 20_000 }).toBe('3002');
    expect(Number(await property('NRestarts'))).toBeGreaterThan(0);
    await host.reboot();
    await expect.poll(served, { timeout: 60_000 }).toBe('3002');
    expect((await host.exec(['pgrep', '-f', '--', '--apply'])).code).toBe(1);
  });
});
