import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { silentLogger, systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ServerPart, unchanged_server, type WantedServer } from '../server/server-part.ts';
import type { Trial } from './trial.ts';
import { createUpdatePart, type UpdateOptions } from './update-part.ts';
import { readUpdate, saveUpdate } from './update-record.ts';

/** An executable that says which version it is. */
const executable = (version: string, more = '') => `#!/bin/sh\n[ "$1" = version ] && echo ${version}\n${more}`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const name = `mainstay-agent-2.0.0-linux-${process.arch}`;

let home: string;
let binary: string;
let server: Server;
let served: Map<string, string>;
let key: KeyObject;
let release_key: string;
let done: string[];
let events: string[];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'mainstay-update-'));
  binary = join(home, 'mainstay-agent');
  writeFileSync(binary, executable('1.0.0'));
  const pair = generateKeyPairSync('ed25519');
  key = pair.privateKey;
  release_key = pair.publicKey.export({ format: 'jwk' }).x!;
  served = new Map();
  done = [];
  events = [];
  server = createServer(({ url, headers }, response) => {
    const text = served.get(url?.replace('/agent/releases/', '') ?? '');
    if (text === undefined) return void response.writeHead(404).end();
    if (headers['accept-encoding'] !== 'gzip') return void response.end(text);
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  rmSync(home, { recursive: true, force: true });
});

/** Puts a release at the panel; gives what a server state would name of it. */
function publish(text: string, signer = key): WantedServer {
  const files = [{ name, arch: process.arch, size: Buffer.byteLength(text), sha256: sha256(text) }];
  const built_from = { node: '24', commit: null };
  const manifest = JSON.stringify({ version: '2.0.0', release_key, built_from, files });
  served.set('release.json', manifest).set(name, text);
  served.set('release.json.sig', sign(null, Buffer.from(manifest), signer).toString('base64'));
  return { ...unchanged_server, agent: { version: '2.0.0', manifest_sha256: sha256(manifest) } };
}

/** An agent of a version; what systemd is asked is written down, and a restart ends it as it ends a process. */
function agent(over: Partial<UpdateOptions> = {}): { part: ServerPart; apply(wanted: WantedServer): Promise<void> } {
  const ending = new AbortController();
  const trial: Trial = {
    begin: async () => void done.push('watchdog on'),
    callOff: async () => done.push('watchdog off') > 0,
    revertNow: async () => void done.push('revert'),
    restartAgent: async () => {
      done.push('restart');
      setImmediate(() => ending.abort());
    },
  };
  const { port } = server.address() as AddressInfo;
  const part = createUpdatePart({
    home,
    version: '1.0.0',
    panel: { url: `http://127.0.0.1:${port}`, ca_file: null },
    settings: { binary, previous_binary: `${binary}.previous`, release_key },
    trial,
    clock: systemClock,
    log: silentLogger(),
    emit: ({ kind }) => void events.push(kind),
    isConnected: () => true,
    isOld: () => false,
    ...over,
  });
  return { part, apply: (wanted) => part.apply(wanted, ending.signal) };
}

test('a signed release is put in the place of the old one under a watchdog, and stays when it reaches the control plane', async () => {
  const text = executable('2.0.0');
  const wanted = publish(text);
  await expect(agent().apply(wanted)).rejects.toThrow();
  expect(done).toEqual(['watchdog on', 'restart']);
  expect(readFileSync(binary, 'utf8')).toBe(text);
  expect(readFileSync(`${binary}.previous`, 'utf8')).toBe(executable('1.0.0'));
  expect(readUpdate(home)).toMatchObject({ state: 'trial', version: '2.0.0', previous_version: '1.0.0' });
  expect(events).toEqual([]);

  let connected = false;
  setTimeout(() => {
    connected = true;
  }, 150);
  await agent({ version: '2.0.0', isConnected: () => connected }).apply(wanted);
  expect(connected).toBe(true);
  expect(done.slice(2)).toEqual(['watchdog off']);
  expect(readUpdate(home)?.state).toBe('confirmed');
  expect(events).toEqual(['agent.updated']);
  await agent({ version: '2.0.0' }).apply(wanted);
  expect(done).toHaveLength(3);
});

test.each([
  [
    'another manifest than was approved',
    () => void served.set('release.json', '{}'),
    'another than the one that was approved',
  ],
  ['a signature that does not hold', () => void served.set('release.json.sig', 'AAAA'), 'does not hold'],
  ['a file that was changed', () => void served.set(name, executable('2.0.1')), 'is not what its manifest says'],
  ['a file that is longer', () => void served.set(name, `${served.get(name)}#`), 'is larger than'],
  ['a file that is missing', () => void served.delete(name), 'answered with 404'],
])('%s is refused, and the executable is as it was', async (_, spoil, why) => {
  const wanted = publish(executable('2.0.0'));
  spoil();
  await expect(agent().apply(wanted)).rejects.toThrow(why);
  expect(readFileSync(binary, 'utf8')).toBe(executable('1.0.0'));
  expect(existsSync(`${binary}.next`)).toBe(false);
  expect(done).toEqual([]);
});

test('a release of another signer than the one that this agent began with is refused', async () => {
  const wanted = publish(executable('2.0.0'));
  const settings = { binary, previous_binary: `${binary}.previous`, release_key: 'A'.repeat(43) };
  await expect(agent({ settings }).apply(wanted)).rejects.toThrow('another key');
  expect(done).toEqual([]);
});

test('an executable that does not run, or says that it is another version, is never put in place', async () => {
  await expect(agent().apply(publish(executable('3.0.0')))).rejects.toThrow('does not say that it is 2.0.0');
  await expect(agent().apply(publish('no program'))).rejects.toThrow('does not say that it is 2.0.0');
  expect(done).toEqual([]);
  expect(existsSync(`${binary}.next`)).toBe(false);
});

test('what the watchdog put back is told as a failure with its reason, and is tried again only when it is asked for again', async () => {
  const wanted = publish(executable('2.0.0'));
  await expect(agent().apply(wanted)).rejects.toThrow();
  writeFileSync(binary, executable('1.0.0'));
  saveUpdate(home, { ...readUpdate(home)!, state: 'reverted', reason: 'it was silent' });
  const { part, apply } = agent();
  await expect(apply(wanted)).rejects.toThrow('Agent 2.0.0 was put back to 1.0.0: it was silent.');
  await expect(apply(wanted), 'it was not stored yet that it failed').rejects.toThrow('it was silent');
  expect(events).toEqual(['agent.update_failed', 'agent.update_failed']);
  await part.keepUp(unchanged_server);
  done = [];
  await expect(apply(wanted)).rejects.toThrow();
  expect(done).toEqual(['watchdog on', 'restart']);
});

test('a new executable that was put back, and is still ending, does not forget why', async () => {
  const wanted = publish(executable('2.0.0'));
  await expect(agent().apply(wanted)).rejects.toThrow();
  writeFileSync(binary, executable('1.0.0'));
  saveUpdate(home, { ...readUpdate(home)!, state: 'reverted', reason: 'it was silent' });
  done = [];
  await agent({ version: '2.0.0', isOld: () => true }).part.keepUp(unchanged_server);
  expect(done).toEqual([]);
  await expect(agent().apply(wanted)).rejects.toThrow('Agent 2.0.0 was put back to 1.0.0: it was silent.');
});

test('an update that was cut short before the exchange begins anew, and one after it goes on', async () => {
  const wanted = publish(executable('2.0.0'));
  await expect(agent().apply(wanted)).rejects.toThrow();
  writeFileSync(binary, executable('1.0.0'));
  chmodSync(binary, 0o755);
  done = [];
  await expect(agent().apply(wanted)).rejects.toThrow();
  expect(done).toEqual(['watchdog off', 'watchdog on', 'restart']);
  done = [];
  await expect(agent({ isOld: () => true }).apply(wanted)).rejects.toThrow();
  expect(done, 'the new one is in place, and this process is not it').toEqual(['restart']);
});

test('an agent that is not installed as its own executable says so', async () => {
  await expect(agent({ settings: null }).apply(publish(executable('2.0.0')))).rejects.toThrow('cannot exchange itself');
  await agent({ settings: null, version: '2.0.0' }).apply(publish(executable('2.0.0')));
});
