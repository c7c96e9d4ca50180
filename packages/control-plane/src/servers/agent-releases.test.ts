import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Fixture, type FixtureOptions, startFixture } from '../testing/fixture.ts';

const executable = 'mainstay-agent-2.0.0-linux-x64';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hex = '[0-9a-f]{64}';

let agent_dir: string;
let manifest: string;
let at: Fixture;

/** Puts a release for these architectures where the panel hands it out. */
function release(...archs: string[]) {
  const files = archs.map((arch) => ({
    name: `mainstay-agent-2.0.0-linux-${arch}`,
    arch,
    size: 6,
    sha256: sha256('binary'),
  }));
  manifest = JSON.stringify({ version: '2.0.0', files });
  writeFileSync(join(agent_dir, 'release.json'), manifest);
}

const start = async (options: FixtureOptions = {}) => {
  at = await startFixture({ agent_dir, ...options });
};
const fetched = (path: string) => fetch(`${at.plane.url}${path}`);
const invited = async () => (await at.client['servers.invite']({ server: 'h9' })).result!;

beforeEach(() => {
  agent_dir = mkdtempSync(join(tmpdir(), 'mainstay-releases-'));
  release('x64');
  writeFileSync(join(agent_dir, 'release.json.sig'), 'signature');
  writeFileSync(join(agent_dir, 'install.sh'), 'url=%URL%\n');
  writeFileSync(join(agent_dir, executable), 'binary');
  writeFileSync(join(agent_dir, 'private.txt'), 'private');
});
afterEach(async () => {
  await at.stop();
  rmSync(agent_dir, { recursive: true, force: true });
});

test('everybody is given what the manifest names, the script with the address of the panel, and nothing else', async () => {
  await start({ public_url: 'https://panel.example/mainstay' });
  expect(await (await fetched('/install.sh')).text()).toBe('url=https://panel.example/mainstay\n');
  expect(await (await fetched('/agent/releases/release.json')).text()).toBe(manifest);
  const answer = await fetched(`/agent/releases/${executable}`);
  expect(await answer.text()).toBe('binary');
  expect(answer.headers.get('content-length')).toBe('6');
  const again = { headers: { 'if-none-match': answer.headers.get('etag')! } };
  expect((await fetch(answer.url, again)).status).toBe(304);
  writeFileSync(join(agent_dir, `${executable}.gz`), gzipSync('binary'));
  const zipped = await fetch(answer.url, { headers: { 'accept-encoding': 'gzip' } });
  expect(zipped.headers.get('content-encoding')).toBe('gzip');
  expect(await zipped.text()).toBe('binary');
  const plain = await fetch(answer.url, { headers: { 'accept-encoding': 'identity' } });
  expect(plain.headers.get('content-encoding')).toBeNull();
  for (const path of ['private.txt', '..%2fhome%2fmainstay.db', 'install.sh'])
    expect((await fetched(`/agent/releases/${path}`)).status).toBe(404);
  expect((await fetched('/agent/ca.pem')).status).toBe(404);
});

test('the line of an invitation holds the token and the hash of the manifest; with an own authority, those of script and authority too', async () => {
  await start({ public_url: 'https://panel.example' });
  const first = await invited();
  const options = `--token ${first.token} --release-sha256 ${sha256(manifest)}`;
  expect(first.install).toBe(`curl -fsSL https://panel.example/install.sh | sudo sh -s -- ${options}`);
  writeFileSync(join(at.home, 'ca.pem'), 'authority');
  const { install } = await invited();
  expect(install).toMatch(
    new RegExp(`-fsSLk .*"${sha256('url=https://panel.example\n')}  -".*--ca-sha256 ${sha256('authority')};`),
  );
  expect(install).toMatch(new RegExp(`--release-sha256 ${hex} --ca-sha256`));
  expect(await (await fetched('/agent/ca.pem')).text()).toBe('authority');
});

test('where no agent was built, invitations have no line, and who asks is told how to build one', async () => {
  rmSync(join(agent_dir, 'install.sh'));
  rmSync(join(agent_dir, 'release.json'));
  await start();
  expect((await invited()).install).toBeNull();
  expect(await (await fetched('/install.sh')).json()).toMatchObject({
    code: 'NotFound',
    hint: expect.stringContaining('npm run build:agent'),
  });
  await at.enrol('h1');
  await expect(at.client['servers.update_agent']({ server: 'h1' })).rejects.toMatchObject({
    code: 'NotFound',
    field: 'version',
  });
});

test('an update names the version and signs the manifest that is handed out, for a server that it has an agent for', async () => {
  await start();
  const server = await at.enrol('h1');
  await server.send('POST', '/heartbeat', { sent_at: Date.now(), state: server.state });
  const plan = await at.client['servers.update_agent']({ server: 'h1', dry_run: true });
  expect(plan.operation.plan?.changes).toMatchObject([{ path: 'agent.version', to: '2.0.0' }]);
  await expect(at.client['servers.update_agent']({ server: 'h1', version: '3.0.0' })).rejects.toMatchObject({
    code: 'NotFound',
    field: 'version',
    message: expect.stringContaining('hands out agent 2.0.0, not 3.0.0'),
  });
  release('arm64');
  await expect(at.client['servers.update_agent']({ server: 'h1' })).rejects.toMatchObject({
    code: 'Conflict',
    message: expect.stringContaining('nothing for x64'),
  });
});
