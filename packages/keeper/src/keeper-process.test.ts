import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeeperClient, type KeeperClient } from '@mainstay/runtime/keeper-client';
import { http } from '@mainstay/runtime/node-http';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createKeeper } from './keeper.ts';
import { deployProposal, makePerson, type Person, wordOn } from './testing/proposals.ts';

const main = join(import.meta.dirname, 'keeper-main.ts');
let folder: string;
let socket: string;
let olga: Person;
const processes: ChildProcess[] = [];
let client: KeeperClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
  socket = join(folder, 'keeper.sock');
  mkdirSync(join(folder, 'policies'));
  const rules = 'schema: 1\nrules:\n  - { name: ask, effect: require, require: { approvals: 1 } }\n';
  writeFileSync(join(folder, 'policies', 'test.yaml'), rules);
  client = createKeeperClient({ socket });
  olga = await makePerson('olga', 'owner');
});
afterEach(async () => {
  client.close();
  for (const child of processes.splice(0)) await kill(child);
  rmSync(folder, { recursive: true, force: true });
});

const options = () => [
  '--directory',
  join(folder, 'keeper'),
  '--socket',
  socket,
  '--policies',
  join(folder, 'policies'),
];

async function startKeeper(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [main, ...options()], { stdio: 'ignore' });
  processes.push(child);
  const isReady = () =>
    client.keys().then(
      () => true,
      () => false,
    );
  await vi.waitUntil(isReady, { timeout: 30_000, interval: 50 });
  return child;
}

async function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

it('a keeper that was killed comes back with all that waits, on the same socket', async () => {
  const child = await startKeeper();
  const proposal = await deployProposal(olga.actor);
  expect(await client.decide(proposal)).toMatchObject({ decision: 'waiting' });
  await kill(child);
  await expect(client.decide(proposal)).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('Nothing was decided or signed'),
    hint: expect.stringContaining(socket),
  });
  expect(existsSync(socket)).toBe(true);
  await startKeeper();
  const anna = await makePerson('anna', 'approver');
  expect(await client.speak(await wordOn(proposal, 'approve', anna.actor))).toMatchObject({ decision: 'approved' });
  expect(await client.verifyLedger()).toMatchObject({ ok: true });
}, 60_000);

it('the socket is for its user and group only, and is gone after an orderly end', async () => {
  const child = await startKeeper();
  expect(statSync(socket).mode & 0o777).toBe(0o660);
  expect(() => execFileSync(process.execPath, [main, ...options()], { stdio: 'pipe' })).toThrow(
    /Another keeper listens/,
  );
  await kill(child, 'SIGTERM');
  expect(child.exitCode).toBe(0);
  expect(existsSync(socket)).toBe(false);
}, 60_000);

it('a key of an owner can be admitted by hand at the keeper’s machine', async () => {
  const keeper = await createKeeper({ directory: join(folder, 'keeper') });
  const lost = await makePerson('lost', 'owner');
  await keeper.registerKey(lost.registration);
  expect(await keeper.registerKey(olga.registration)).toMatchObject({ state: 'pending' });
  keeper.close();
  const words = ['admit', olga.key_id, '--role', 'owner', '--directory', join(folder, 'keeper')];
  execFileSync(process.execPath, [main, ...words], { stdio: 'pipe' });
  const again = await createKeeper({ directory: join(folder, 'keeper') });
  expect((await again.listKeys()).find(({ id }) => id === olga.key_id)).toMatchObject({
    state: 'admitted',
    role: 'owner',
  });
  expect((await again.ledger({})).entries.at(-1)?.kind).toBe('person_key_admitted_by_hand');
  again.close();
}, 60_000);

it.each([
  ['a folder for its keys', [], /Give --directory/],
  ['a socket', ['--directory', 'DIR'], /Give --socket/],
  ['known options', ['--directory', 'DIR', '--sokket', 'x'], /--sokket/],
])('the keeper does not start without %s', (_, words, message) => {
  const real = words.map((word) => (word === 'DIR' ? join(folder, 'keeper') : word));
  expect(() => execFileSync(process.execPath, [main, ...real], { stdio: 'pipe' })).toThrow(message);
});

it('a path that is no socket is left as it is', () => {
  writeFileSync(socket, 'mine');
  expect(() => execFileSync(process.execPath, [main, ...options()], { stdio: 'pipe' })).toThrow(/is no socket/);
  chmodSync(socket, 0o600);
  expect(statSync(socket).size).toBe(4);
});

it('calls that are none of its methods, or no JSON, are refused', async () => {
  await startKeeper();
  const post = (path: string, body: string) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const request = http.request({ socketPath: socket, path, method: 'POST' }, (response) => {
        let text = '';
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      request.on('error', reject);
      request.end(body);
    });
  for (const path of ['/v1/admitByHand', '/v1/close', '/v1/constructor', '/v1/', '/'])
    expect(await post(path, 'null')).toMatchObject({ status: 400, body: expect.stringContaining('NotFound') });
  expect(await post('/v1/keys', '{')).toMatchObject({ body: expect.stringContaining('not JSON') });
  expect(await post('/v1/decide', '{}')).toMatchObject({ body: expect.stringContaining('operation_id') });
}, 60_000);

it.each([
  ['says nothing', () => {}, /no answer within 300 ms/],
  ['hangs up', (end: (text: string) => void) => end(''), /does not answer/],
  [
    'talks nonsense',
    (end: (text: string) => void) => end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]'),
    /another shape/,
  ],
])('a keeper that %s counts as away', async (_, behave, message) => {
  const server: Server = createServer((connection) => {
    connection.on('error', () => {});
    connection.once('data', () => behave((text) => connection.end(text)));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const impatient = createKeeperClient({ socket, timeout_ms: 300 });
  await expect(impatient.decide(await deployProposal(olga.actor))).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringMatching(message),
  });
  impatient.close();
  await new Promise((resolve) => server.close(resolve));
});
