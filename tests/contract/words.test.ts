/** Words of people through the CLI, against a real control plane and keeper: each person, and each device, has a home of their own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registrations, runCli } from '@mainstay/cli';
import { type CapturedOptions, createCapturedTerminal } from '@mainstay/cli/terminal/captured-terminal';
import { type Client, createClient } from '@mainstay/contract/client';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import type { OperationView, Role } from '@mainstay/contract/operation';
import { type ControlPlane, startControlPlane } from '@mainstay/control-plane';
import { createKeeper, type Keeper } from '@mainstay/keeper';
import { default_policy_file } from '@mainstay/keeper/policy/default-policies';
import { silentLogger } from '@mainstay/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const deployersAsk = `schema: 1
rules:
  - name: keys-of-repositories
    match: { operations: [credentials.create_deploy_key], actor: { roles: [deployer] } }
    effect: require
    require: { approvals: 1 }
`;

let folder = '';
let keeper: Keeper;
let plane: ControlPlane;
let owner: Client;
let owner_token = '';
let ada_token = '';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-words-'));
  const policies = join(folder, 'policies');
  mkdirSync(policies);
  writeFileSync(join(policies, 'default.yaml'), default_policy_file.text);
  writeFileSync(join(policies, 'extra.yaml'), deployersAsk);
  keeper = await createKeeper({ directory: join(folder, 'keeper'), policies });
  plane = await startControlPlane({ home: join(folder, 'home'), port: 0, keeper, log: silentLogger() });
  owner_token = await plane.createToken();
  owner = createClient({ url: plane.url, token: owner_token });
  ada_token = await tokenOf('ada', 'deployer');
  for (const name of ['A', 'B', 'C', 'D']) await owner['secrets.set']({ stack: 'shop', name, value: 'x' });
});

afterAll(async () => {
  await plane.stop();
  keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

async function tokenOf(name: string, role: Role): Promise<string> {
  const { result } = await owner['access.create_user']({ name, role });
  const key = new URL(result!.url!).hash.slice('#sign-in='.length);
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(plane.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
      body: JSON.stringify(body),
    });
  const cookie = (await post('/auth/sign-in', { key })).headers.get('set-cookie')!.split(';')[0]!;
  const made = await post('/api/v1/access/tokens', { name: 'cli' }, { cookie });
  return ((await made.json()) as { result: { token: string } }).result.token;
}

type Given = Omit<CapturedOptions, 'env'> & { as?: 'owner' | 'ada'; device?: string };

function started(argv: readonly string[], { as = 'owner', device = 'laptop', ...given }: Given = {}) {
  const env = {
    HOME: join(folder, as, device),
    MAINSTAY_URL: plane.url,
    MAINSTAY_TOKEN: as === 'owner' ? owner_token : ada_token,
  };
  const terminal = createCapturedTerminal({ env, cwd: folder, ...given });
  const ended = runCli(argv, terminal, registrations).then((code) => ({
    code,
    stdout: terminal.stdout(),
    stderr: terminal.stderr(),
  }));
  return { terminal, ended };
}

const mainstay = (argv: readonly string[], given: Given = {}) => started(argv, given).ended;

async function waitingId(argv: readonly string[], given: Given = {}): Promise<string> {
  const { code, stdout } = await mainstay([...argv, '--json'], given);
  const { operation } = JSON.parse(stdout) as { operation: OperationView };
  expect({ code, state: operation.state }).toEqual({ code: 8, state: 'waiting' });
  return operation.id!;
}

const secretNames = async () => (await owner['secrets.list']({ stack: 'shop' })).secrets.map(({ name }) => name);
const fileOfKey = (as: string, device: string) => join(folder, as, device, '.config', 'mainstay', 'device-key.json');

describe('what destroys', () => {
  it('waits for a word where nobody said yes, and exits with 8', async () => {
    const { code, stdout } = await mainstay(['secrets', 'remove', 'shop', 'A']);
    expect({ code, stdout }).toMatchObject({ code: 8, stdout: expect.stringContaining('mainstay ops confirm op_') });
    expect(await secretNames()).toContain('A');
    expect((await owner['keys.list']({})).keys).toEqual([]);
  });

  it('goes through with --yes alone: the first key of the owner is made, registered and admitted on the way', async () => {
    const { code, stdout, stderr } = await mainstay(['secrets', 'remove', 'shop', 'A', '--yes']);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^✓ /) });
    const [key] = (await owner['keys.list']({})).keys;
    expect(key).toMatchObject({ state: 'admitted', trust: 'first_use' });
    expect(stderr.split('\n').filter((line) => line.includes(key!.id))).toHaveLength(1);
    expect(statSync(fileOfKey('owner', 'laptop')).mode & 0o777).toBe(0o600);
    expect(await secretNames()).not.toContain('A');
  });

  it('is signed by the answer to the question, and taken back when that is no', async () => {
    const latest = async () => (await owner['operations.list']({ operation: 'secrets.remove', limit: 1 })).operations;
    const no = await mainstay(['secrets', 'remove', 'shop', 'B'], { answers: ['n'] });
    expect(no).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was done.') });
    expect(await latest()).toMatchObject([{ state: 'cancelled' }]);
    expect(await secretNames()).toContain('B');
    const yes = await mainstay(['secrets', 'remove', 'shop', 'B'], { answers: ['y'] });
    expect(yes).toMatchObject({ code: 0, stderr: expect.stringContaining('Confirm? [y/N]') });
    const operations = await latest();
    expect(operations[0]).toMatchObject({ state: 'succeeded', approvals: [{ verdict: 'confirm' }] });
    expect(operations[0]!.approvals[0]!.actor.proof).toBe('signed');
  });

  it('waits on a second device until its key is admitted, and the error says how', async () => {
    const device = 'desktop';
    const refused = await mainstay(['secrets', 'remove', 'shop', 'C', '--yes'], { device });
    expect(refused.code).toBe(3);
    const id = /mainstay ops confirm (op_[0-9a-f]{32})/.exec(refused.stderr)![1]!;
    const key = /mainstay keys admit ([0-9a-f]{64})/.exec(refused.stderr)![1]!;
    expect(await mainstay(['keys', 'show', '--json'], { device })).toMatchObject({
      stdout: expect.stringContaining('"state": "pending"'),
    });
    // A key that waits admits nobody, itself least of all.
    expect(await mainstay(['keys', 'admit', key], { device })).toMatchObject({ code: 3 });
    expect(await mainstay(['keys', 'admit', key])).toMatchObject({ code: 0, stdout: expect.stringContaining('owner') });
    expect(await mainstay(['ops', 'confirm', id, '--yes'], { device })).toMatchObject({ code: 0 });
    expect(await secretNames()).not.toContain('C');
  });

  it('is not signed by a key that was revoked', async () => {
    const { stdout } = await mainstay(['keys', 'show', '--json'], { device: 'desktop' });
    const { fingerprint } = JSON.parse(stdout) as { fingerprint: string };
    expect(await mainstay(['keys', 'revoke', fingerprint, '--yes'])).toMatchObject({ code: 0 });
    const refused = await mainstay(['secrets', 'remove', 'shop', 'D', '--yes'], { device: 'desktop' });
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('was revoked') });
    expect(await secretNames()).toContain('D');
  });
});

describe('keys', () => {
  let key: PersonKeyView;

  it('register makes the key of this device once, and says who admits it', async () => {
    const dry = await mainstay(['keys', 'register', '--dry-run', '--json'], { as: 'ada' });
    expect(JSON.parse(dry.stdout)).toMatchObject({ would_be_made: true, fingerprint: null });
    const made = await mainstay(['keys', 'register', '--name', 'tower'], { as: 'ada' });
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('waits to be admitted') });
    const text = readFileSync(fileOfKey('ada', 'laptop'), 'utf8');
    const again = await mainstay(['keys', 'register', '--json'], { as: 'ada' });
    key = (JSON.parse(again.stdout) as { key: PersonKeyView }).key;
    expect(key).toMatchObject({ name: 'tower', user_name: 'ada', state: 'pending' });
    expect(readFileSync(fileOfKey('ada', 'laptop'), 'utf8')).toBe(text);
    const secret = (JSON.parse(text) as { d: string }).d;
    for (const { stdout, stderr } of [made, again]) expect(stdout + stderr).not.toContain(secret);
  });

  it('a key of another person is admitted for what the admitter says, and never unsaid', async () => {
    const unsaid = await mainstay(['keys', 'admit', key.id]);
    expect(unsaid).toMatchObject({ code: 2, stderr: expect.stringContaining('--role deployer') });
    expect(await mainstay(['keys', 'admit', key.id, '--role', 'king'])).toMatchObject({ code: 2 });
    expect(await mainstay(['keys', 'admit', key.id], { answers: ['n'] })).toMatchObject({ code: 1 });
    expect(await mainstay(['keys', 'admit', key.id, '--role', 'viewer', '--dry-run'])).toMatchObject({ code: 0 });
    expect((await owner['keys.list']({})).keys.find(({ id }) => id === key.id)?.state).toBe('pending');
    expect(await mainstay(['keys', 'admit', key.id, '--role', 'deployer'])).toMatchObject({ code: 0 });
    expect((await owner['keys.list']({})).keys.find(({ id }) => id === key.id)).toMatchObject({
      state: 'admitted',
      role: 'deployer',
    });
    const listed = await mainstay(['keys']);
    expect(listed.stdout).toContain(key.id);
  });
});

describe('an operation that others must approve', () => {
  const ask = (name: string) => waitingId(['credentials', 'create-deploy-key', name], { as: 'ada' });

  it('is told to those it waits for: by ops list --waiting and by status', async () => {
    const id = await ask('first');
    const listed = await mainstay(['ops', 'list', '--waiting']);
    expect(listed.stdout.indexOf('For you:')).toBe(0);
    expect(listed.stdout).toMatch(new RegExp(`${id} .*1 approval`));
    const hers = JSON.parse((await mainstay(['ops', 'list', '--waiting', '--json'], { as: 'ada' })).stdout);
    expect(hers).toMatchObject({ for_me: [], operations: expect.arrayContaining([expect.objectContaining({ id })]) });
    expect((await mainstay(['status'])).stdout).toContain(`waits for you: mainstay ops show ${id}`);
    expect(JSON.parse((await mainstay(['status', '--json'])).stdout).waiting_for_me).toContain(id);
    const shown = await mainstay(['ops', 'show', id]);
    expect(shown.stdout).toContain('extra/keys-of-repositories');
  });

  it('is approved by its plan, shown and answered, and followed to its end; never by its proposer', async () => {
    const id = await ask('second');
    expect(await mainstay(['ops', 'approve', id, '--yes'], { as: 'ada' })).toMatchObject({ code: 3 });
    const unseen = await mainstay(['ops', 'approve', id]);
    expect(unseen).toMatchObject({ code: 2, stderr: expect.stringContaining('Field: plan_hash') });
    const other = await mainstay(['ops', 'approve', id, '--plan-hash', '0'.repeat(64)]);
    expect(other).toMatchObject({ code: 5 });
    expect(await mainstay(['ops', 'approve', id, '--dry-run'])).toMatchObject({ code: 0 });
    expect((await owner['operations.get']({ id })).operation.state).toBe('waiting');
    const approved = await mainstay(['ops', 'approve', id, '--reason', 'fine'], { answers: ['yes'] });
    expect(approved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^✓ /) });
    expect(approved.stderr).toContain('Proposed by ada');
    const { operation } = await owner['operations.get']({ id });
    expect(operation).toMatchObject({ state: 'succeeded', approvals: [{ verdict: 'approve', reason: 'fine' }] });
    // The key of this device is there and admitted, so that the word is signed although it need not be.
    expect(operation.approvals[0]!.actor).toMatchObject({ name: 'owner', proof: 'signed' });
    const result = await mainstay(['ops', 'collect', id], { as: 'ada' });
    expect(result.stdout).toContain('ssh-ed25519');
  });

  it('is rejected with a reason only', async () => {
    const id = await ask('third');
    expect(await mainstay(['ops', 'reject', id, '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Field: reason'),
    });
    expect(await mainstay(['ops', 'reject', id, '--yes', '--reason', 'not now'])).toMatchObject({ code: 0 });
    const followed = await mainstay(['ops', 'follow', id], { as: 'ada' });
    expect(followed).toMatchObject({ code: 1, stderr: expect.stringContaining('✗ Rejected:') });
    expect(await mainstay(['ops', 'approve', id, '--yes'])).toMatchObject({ code: 5 });
  });

  it('is followed through the waiting, and what it waits for is said', async () => {
    const id = await ask('fourth');
    const { terminal, ended } = started(['ops', 'follow', id], { as: 'ada' });
    await expect.poll(() => terminal.stderr(), { timeout: 20_000 }).toContain('1 approval of somebody else');
    expect(await mainstay(['ops', 'approve', id, '--yes', '--no-wait'])).toMatchObject({ code: 0 });
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('is taken back by its proposer', async () => {
    const id = await ask('fifth');
    expect(await mainstay(['ops', 'cancel', id, '--dry-run'], { as: 'ada' })).toMatchObject({ code: 0 });
    expect(await mainstay(['ops', 'cancel', id], { as: 'ada' })).toMatchObject({ code: 0 });
    expect((await owner['operations.get']({ id })).operation.state).toBe('cancelled');
  });
});

it('a plan that is shown other than it is is not signed: its hash is made again on the device', async () => {
  const id = await waitingId(['secrets', 'remove', 'shop', 'D']);
  const liar = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? Buffer.concat(chunks) : null;
    const { method = 'GET', url = '' } = request;
    const headers = { authorization: request.headers.authorization ?? '', 'content-type': 'application/json' };
    const answer = await fetch(plane.url + url, { method, headers, body });
    const text = (await answer.text()).replaceAll('secrets.D', 'secrets.HARMLESS');
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  });
  await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`;
    const refused = await mainstay(['ops', 'confirm', id, '--yes', '--url', url]);
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('nothing was signed') });
    expect((await owner['operations.get']({ id })).operation).toMatchObject({ state: 'waiting', approvals: [] });
  } finally {
    liar.close();
  }
  expect(await mainstay(['ops', 'confirm', id, '--yes'])).toMatchObject({ code: 0 });
});

describe('policies', () => {
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const caseOf = (name: string, decision: string) =>
    `  - name: ${name}\n    propose: { operation: stacks.remove }\n    expect: { decision: ${decision} }\n`;

  it('show tells every rule that is in force', async () => {
    const { code, stdout } = await mainstay(['policy', 'show']);
    expect(code).toBe(0);
    for (const rule of ['default/destructive', 'extra/keys-of-repositories']) expect(stdout).toContain(rule);
  });

  it('test exits with 1 when a case fails, and names it', async () => {
    write('cases.yaml', `schema: 1\ncases:\n${caseOf('asks', 'waiting')}${caseOf('passes', 'approved')}`);
    const tested = await mainstay(['policy', 'test', 'cases.yaml']);
    expect(tested).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/✓ +asks.*\n✗ +passes.*\n\n1 failed, 1 passed/),
    });
    write('good.yaml', `schema: 1\ncases:\n${caseOf('asks', 'waiting')}`);
    expect(await mainstay(['policy', 'test', 'good.yaml'])).toMatchObject({ code: 0 });
  });

  it('test tries the files of a folder before they are installed', async () => {
    mkdirSync(join(folder, 'new'));
    write('new/all.yaml', 'schema: 1\nrules:\n  - { name: all, effect: allow }\n');
    const tested = await mainstay(['policy', 'test', 'cases.yaml', '--policies', 'new', '--json']);
    expect(JSON.parse(tested.stdout)).toMatchObject({
      passed: 1,
      failed: 1,
      results: [{ passed: false }, { passed: true }],
    });
  });

  it('what is wrong in a file is named by file, line and field', async () => {
    write(
      'bad.yaml',
      'schema: 1\ncases:\n  - name: x\n    propose: { operation: a }\n    expect: { decision: maybe }\n',
    );
    const cases = await mainstay(['policy', 'test', 'bad.yaml']);
    expect(cases).toMatchObject({ code: 2, stderr: expect.stringContaining('bad.yaml:5:') });
    expect(cases.stderr).toContain('Field: cases.0.expect.decision');
    write('new/broken.yaml', 'schema: 1\nrules:\n  - { name: x, efect: allow }\n');
    const check = await mainstay(['policy', 'check', 'new']);
    expect(check).toMatchObject({ code: 2, stderr: expect.stringContaining('new/broken.yaml:3:') });
    const refused = await mainstay(['policy', 'test', 'good.yaml', '--policies', 'new']);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('broken.yaml:3:') });
    expect(await mainstay(['policy', 'check', 'nowhere'])).toMatchObject({ code: 2 });
  });
});

describe('runs and the keeper', () => {
  it('the run of an operation is shown as its steps, and followed to its end', async () => {
    const { stdout } = await mainstay(['credentials', 'create-deploy-key', 'run-of-it', '--json']);
    const { run_id } = (JSON.parse(stdout) as { operation: OperationView }).operation;
    const followed = await mainstay(['runs', 'follow', run_id!]);
    expect(followed).toMatchObject({ code: 0, stdout: expect.stringMatching(/✓ carry_out {2}succeeded/) });
    expect((await mainstay(['runs', 'show', run_id!])).stdout).toContain('carry_out');
    expect((await mainstay(['runs'])).stdout).toContain(run_id!);
  });

  it('the signing key is exchanged and the former one revoked, each confirmed by the key of the device', async () => {
    const [former] = await keeper.keys();
    expect(await mainstay(['keeper', 'rotate-key', '--dry-run'])).toMatchObject({ code: 0 });
    expect(await mainstay(['keeper', 'rotate-key', '--yes'])).toMatchObject({ code: 0 });
    const [current] = await keeper.keys();
    expect(current!.kid).not.toBe(former!.kid);
    expect(await mainstay(['keeper', 'revoke-key', former!.kid])).toMatchObject({ code: 8 });
    expect(await mainstay(['keeper', 'revoke-key', former!.kid, '--yes'])).toMatchObject({ code: 0 });
    expect((await keeper.keys()).map(({ kid }) => kid)).toEqual([current!.kid]);
    const entries = JSON.parse((await mainstay(['audit', 'list', '--kind', 'key.', '--json'])).stdout) as {
      entries: { kind: string; target: string; data: object }[];
    };
    expect(entries.entries.map(({ kind, target, data }) => ({ kind, target, data }))).toEqual(
      expect.arrayContaining([
        { kind: 'key.rotated', target: 'keeper/signing-key', data: { from: former!.kid, to: current!.kid } },
        { kind: 'key.revoked', target: `keeper/signing-key/${former!.kid}`, data: { kid: former!.kid } },
      ]),
    );
  });

  it('the ledger is verified, and its keys are listed', async () => {
    expect(await mainstay(['keeper', 'verify'])).toMatchObject({ code: 0, stdout: expect.stringContaining('whole') });
    expect((await mainstay(['keeper', 'keys'])).stdout).toMatch(/current +[0-9a-f]{64}/);
    expect((await mainstay(['keeper', 'ledger'])).stdout).toContain('approved');
  });
});
