/** The same commands as real processes: what a person's shell and an assistant that starts programs get. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { operationList } from '@mainstay/contract/operations/index';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFixture, createRepository, type Fixture } from './fixture.ts';

const main = join(import.meta.dirname, '../../packages/cli/src/main.ts');

let repository = '';
let fixture: Fixture;
let env: Record<string, string> = {};

beforeAll(async () => {
  repository = createRepository();
  fixture = await createFixture(repository, repository);
  env = {
    PATH: process.env['PATH'] ?? '',
    HOME: fixture.home,
    MAINSTAY_URL: fixture.plane.url,
    MAINSTAY_TOKEN: fixture.token,
  };
});

afterAll(async () => {
  await fixture?.stop();
  if (repository) rmSync(repository, { recursive: true, force: true });
});

type Ended = { code: number | null; stdout: string; stderr: string };
type Given = {
  stdin?: string;
  env?: Record<string, string>;
  /** Sends Ctrl-C once this has been written. */
  interruptAfter?: string;
};

function mainstay(argv: readonly string[], given: Given = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...argv], { env: { ...env, ...given.env } });
    const ended: Ended = { code: null, stdout: '', stderr: '' };
    let isInterrupted = false;
    const take = (name: 'stdout' | 'stderr') => (text: string) => {
      ended[name] += text;
      if (isInterrupted || !given.interruptAfter || !ended[name].includes(given.interruptAfter)) return;
      isInterrupted = true;
      child.kill('SIGINT');
    };
    child.stdout.setEncoding('utf8').on('data', take('stdout'));
    child.stderr.setEncoding('utf8').on('data', take('stderr'));
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...ended, code }));
    child.stdin.end(given.stdin ?? '');
  });
}

it('a read writes JSON on stdout and nothing else', async () => {
  const { code, stdout, stderr } = await mainstay(['stacks', '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout).stacks.map(({ name }: { name: string }) => name)).toContain('shop');
});

it('an error stands on stderr, and its code decides the exit code', async () => {
  expect(await mainstay(['stacks', 'get', 'nowhere'])).toMatchObject({
    code: 4,
    stdout: '',
    stderr: expect.stringMatching(/^Error: There is no stack "nowhere"\.\nField: stack\nHint: /),
  });
  expect(await mainstay(['whoami'], { env: { MAINSTAY_TOKEN: 'wrong' } })).toMatchObject({ code: 3 });
  expect(await mainstay(['whoami'], { env: { MAINSTAY_URL: 'http://127.0.0.1:9' } })).toMatchObject({ code: 6 });
  expect(await mainstay(['stacks', 'lst'])).toMatchObject({ code: 2 });
});

it('a secret comes from the pipe, and its value stands nowhere in what is written', async () => {
  const { code, stdout, stderr } = await mainstay(['secrets', 'set', 'shop', 'PIPED', '--json'], {
    stdin: 'hunter2hunter2\n',
  });
  expect(code, stderr).toBe(0);
  expect(stdout + stderr).not.toContain('hunter2');
});

it('a deploy is followed to its end', async () => {
  const { code, stdout, stderr } = await mainstay(['deploy', 'shop', '--restart']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '✓ Deploy all services of stack shop\n' });
  expect(stderr).not.toContain('\u001b');
});

it('Ctrl-C stops the watching, and the operation goes on', async () => {
  // The server of this stack never reports, so that the operation stays under way.
  const { code, stderr } = await mainstay(['deploy', 'blog', '--restart'], { interruptAfter: 'Deploy all' });
  expect(code, stderr).toBe(130);
  const id = /mainstay operations follow (op_[0-9a-f]{32})/.exec(stderr)?.[1];
  const { stdout } = await mainstay(['operations', 'get', id!, '--json']);
  expect(JSON.parse(stdout).operation.state).toBe('running');
  const late = await mainstay(['operations', 'follow', id!, '--timeout', '1']);
  expect(late).toMatchObject({ code: 6, stderr: expect.stringContaining('It goes on.') });
});

it('logs are followed until Ctrl-C, and bring no control characters', async () => {
  const followed = await mainstay(['logs', 'blog', 'web', '-f'], { interruptAfter: 'an error happened' });
  expect(followed).toMatchObject({ code: 0, stdout: expect.stringContaining('logs/web Grüße red\ttab\n') });
  expect(followed.stdout).not.toContain('\u001b');
  const raw = await mainstay(['logs', 'blog', 'web', '--raw']);
  expect(raw.stdout).toContain('Grüße \u001b[31mred');
});

it('the status of all of it is one document', async () => {
  const { code, stdout } = await mainstay(['status', '--json', '--stack', 'shop']);
  expect(JSON.parse(stdout)).toMatchObject({
    healthy: code === 0,
    stacks: [{ name: 'shop', health: 'healthy' }],
    servers: [{ name: 'main', state: 'online' }],
    services: [{ service: 'web', observed: { state: 'running' } }],
  });
});

it('export | apply changes nothing', async () => {
  const exported = await mainstay(['export', 'shop']);
  expect(exported.code).toBe(0);
  const applied = await mainstay(['apply', '-f', '-'], { stdin: exported.stdout });
  expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to change.') });
});

it('an error of the control plane about the stack file names its line', async () => {
  const file = `stack: shop\nservices:\n  web:\n    source:\n      git: ${repository}\n      ref: nope\n    run: x\n`;
  const { code, stderr } = await mainstay(['plan', '-f', '-'], { stdin: file });
  expect(code).toBe(7);
  expect(stderr).toMatch(/^Error: stdin:6:12: .+ has no branch or tag "nope"/);
});

async function mcpClient(...options: string[]) {
  const args = [main, 'mcp', ...options];
  const transport = new StdioClientTransport({ command: process.execPath, args, env, stderr: 'pipe' });
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(transport);
  return { client, transport };
}

it('mcp over stdin and stdout reads only', async () => {
  const { client } = await mcpClient();
  const { tools } = await client.listTools();
  expect(tools).toHaveLength(operationList.filter(({ effect }) => effect === 'read').length);
  const refused = await client.callTool({ name: 'stacks_deploy', arguments: { stack: 'shop', dry_run: true } });
  expect((refused.content as { text: string }[])[0]!.text).toContain('"code": "Forbidden"');
  await client.close();
});

it('mcp --allow-changes serves every operation over stdin and stdout, and ends with its client', async () => {
  const { client, transport } = await mcpClient('--allow-changes');
  const pid = transport.pid!;
  const { tools } = await client.listTools();
  expect(tools).toHaveLength(operationList.length);

  const listed = await client.callTool({ name: 'stacks_list' });
  expect(JSON.stringify(listed.structuredContent)).toContain('"shop"');
  const planned = await client.callTool({
    name: 'secrets_set',
    arguments: { stack: 'shop', name: 'A', value: 'b', dry_run: true },
  });
  expect(planned.structuredContent).toMatchObject({ operation: { state: 'planned' } });
  const unseen = await client.callTool({ name: 'secrets_set', arguments: { stack: 'shop', name: 'A', value: 'b' } });
  expect((unseen.content as { text: string }[])[0]!.text).toContain('"field": "plan_hash"');
  const refused = await client.callTool({ name: 'stacks_get', arguments: { stack: 'nowhere', bogus: 1 } });
  expect(refused.isError).toBe(true);
  expect((refused.content as { text: string }[])[0]!.text).toContain('"field": "bogus"');

  await client.close();
  await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
