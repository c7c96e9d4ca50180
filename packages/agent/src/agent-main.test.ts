import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLab, freePort, get, instancesOf, type Lab, processesOf, serverProgram, until } from './testing/lab.ts';

let lab: Lab;
const children: ChildProcess[] = [];
beforeEach(async () => {
  lab = await createLab();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await lab.close();
});

const program = fileURLToPath(new URL('./agent-main.ts', import.meta.url));

function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], MAINSTAY_LOG_LEVEL: 'error', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, stderr })),
  );
  return { child, ended };
}

test('wrong usage ends with 64 and names the option', async () => {
  const missing = await run(['--url', 'http://127.0.0.1:1']).ended;
  expect(missing).toMatchObject({ code: 64, stderr: expect.stringContaining('--home') });
  const port = await run(['--home', lab.home, '--url', 'http://127.0.0.1:1', '--metrics-port', 'x']).ended;
  expect(port).toMatchObject({ code: 64, stderr: expect.stringContaining('--metrics-port') });
  const supervisor = await run(['--home', lab.home, '--url', 'http://127.0.0.1:1', '--supervisor', 'runit']).ended;
  expect(supervisor).toMatchObject({ code: 64, stderr: expect.stringContaining('--supervisor must be process') });
});

test('SIGTERM leaves services running, SIGINT ends them, and no service sees the token', async () => {
  const metrics_port = await freePort();
  const args = ['--home', lab.home, '--url', lab.control.url, '--metrics-port', String(metrics_port)];
  const range = ['--ports', `${lab.ports.first}-${lab.ports.last}`];
  const first = run([...args, ...range], { MAINSTAY_ENROL_TOKEN: lab.control.token });
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), {
    route: { prefix: '/' },
  });
  await lab.control.offer(lab.document(1, { web }));
  await until(() => lab.control.state()?.receipt?.state === 'succeeded', 'the deploy');
  for (const pid of processesOf(lab.home)) {
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('mst_');
    if (pid !== first.child.pid) expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('mst_');
  }
  expect((await get(metrics_port, '/livez')).status).toBe(200);
  expect((await get(metrics_port, '/readyz')).status).toBe(200);
  const { text } = await get(metrics_port, '/metrics');
  expect(text).toContain('mainstay_service_state{service="web",state="running"} 1');
  expect(text).toContain('mainstay_agent_desired_version 1');
  expect(text).toContain('mainstay_agent_connected 1');

  first.child.kill('SIGTERM');
  expect((await first.ended).code).toBe(0);
  expect((await get(lab.proxy_port)).text).toBe('one');
  const second = run([...args, ...range]);
  await until(
    () => lab.control.events().filter(({ kind }) => kind === 'agent.started').length === 2,
    'the second agent',
  );
  second.child.kill('SIGINT');
  expect((await second.ended).code).toBe(0);
  expect(instancesOf(lab.home)).toEqual([]);
  await expect(get(lab.proxy_port)).rejects.toThrow(/ECONNREFUSED/);
});
