/**
 * The parity suite: every operation, on success and on every error that it declares, means the same in process, over
 * HTTP, through the CLI and through MCP. Each interface has a control plane of its own, brought to the same state by the
 * same steps. A new operation joins by itself, and fails here until its cases are written.
 */
import { rmSync } from 'node:fs';
import { exitCodeOfError } from '@mainstay/cli';
import type { ErrorCode } from '@mainstay/contract/errors';
import { outputJsonSchema } from '@mainstay/contract/json-schema';
import type { Operation } from '@mainstay/contract/operation';
import { isChange } from '@mainstay/contract/operation';
import { type OperationId, operationList } from '@mainstay/contract/operations/index';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CaseInput, cases } from './cases.ts';
import { createFixture, createRepository, type Fixture } from './fixture.ts';
import { type Answer, argvOf, type Input, type Interface, interfaces, runCaptured } from './interfaces.ts';
import { normalised } from './normalise.ts';

type Home = { fixture: Fixture; face: Interface };

let repository = '';
let homes: Home[] = [];

beforeAll(async () => {
  repository = createRepository();
  const vanishing = createRepository();
  homes = await Promise.all(
    Object.values(interfaces).map(async (open) => {
      const fixture = await createFixture(repository, vanishing);
      return { fixture, face: await open(fixture) };
    }),
  );
  rmSync(vanishing, { recursive: true });
});

afterAll(async () => {
  await Promise.all(
    homes.map(async ({ face, fixture }) => {
      await face.close();
      await fixture.stop();
    }),
  );
  if (repository) rmSync(repository, { recursive: true, force: true });
});

type Named = Operation & { id: OperationId };

/** The same call over every interface. */
async function everywhere(
  operation: Named,
  input: CaseInput,
  as: 'owner' | 'nobody' = 'owner',
): Promise<{ name: string; answer: Answer }[]> {
  return Promise.all(
    homes.map(async ({ face, fixture }) => ({
      name: face.name,
      answer: await face.call(operation, await input(fixture), as),
    })),
  );
}

function expectError(answers: { name: string; answer: Answer }[], code: ErrorCode, field: string | undefined): void {
  for (const { name, answer } of answers) {
    expect(answer.error?.code, `${name} gave ${JSON.stringify(answer)}`).toBe(code);
    expect(answer.error?.message, name).not.toBe('');
  }
  const [first, ...rest] = answers.map(({ name, answer }) => ({ name, field: answer.error?.field }));
  for (const other of rest)
    expect(other.field, `${other.name} names another field than ${first?.name}`).toBe(first?.field);
  if (field !== undefined) expect(first?.field).toBe(field);
}

it('every declared error of every operation has a case', () => {
  for (const operation of operationList) {
    const row = cases[operation.id];
    expect(row, `cases for ${operation.id} are missing in tests/contract/cases.ts`).toBeDefined();
    expect(Object.keys(row.errors).sort(), operation.id).toEqual([...operation.errors].sort());
  }
});

describe.each(operationList.map((operation) => [operation.id, operation] as const))('%s', (id, operation) => {
  it('succeeds with the same meaning everywhere, as its schema says', async () => {
    const validate = new Ajv2020({ strict: false }).compile(outputJsonSchema(operation.output));
    const answers = await everywhere(operation, cases[id].success);
    for (const { name, answer } of answers) {
      expect(answer.error, name).toBeNull();
      expect(validate(answer.output), `${name}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
    const [first, ...rest] = answers;
    for (const { name, answer } of rest) {
      expect(normalised(answer.output), `${name} differs from ${first?.name}`).toEqual(
        normalised(first?.answer.output),
      );
    }
    if (isChange(operation)) await Promise.all(homes.map(({ fixture }) => fixture.settled()));
  });

  it.each(Object.keys(cases[id]?.errors ?? {}) as ErrorCode[])(
    'gives %s everywhere, naming the same field',
    async (code) => {
      const row = cases[id];
      expectError(await everywhere(operation, row.errors[code]!), code, row.fields?.[code]);
    },
  );

  it('refuses an unknown field everywhere', async () => {
    const input = async (fixture: Fixture) => ({ ...(await cases[id].success(fixture)), bogus: 'x' });
    expectError(await everywhere(operation, input), 'InvalidInput', 'bogus');
  });

  if (isChange(operation))
    it('shows its plan everywhere without changing anything', async () => {
      const input = async (fixture: Fixture) => ({ ...(await freshInput(id, fixture)), dry_run: true });
      const count = () => Promise.all(homes.map(async ({ fixture }) => countOperations(fixture)));
      const before = await count();
      const answers = await everywhere(operation, input);
      const [first] = answers;
      for (const { name, answer } of answers) {
        expect(answer.error, name).toBeNull();
        expect(answer.output, name).toMatchObject({ operation: { id: null, state: 'planned' }, result: null });
        expect(normalised(answer.output), name).toEqual(normalised(first?.answer.output));
      }
      expect(await count()).toEqual(before);
    });

  if (operation.permission !== 'none')
    it('is refused everywhere to whoever is not signed in', async () => {
      const answers = await everywhere(operation, cases[id].success, 'nobody');
      for (const { name, answer } of answers) expect(answer.error?.code, name).toBe('Unauthenticated');
    });

  it('ends with the exit code of its error', async () => {
    const { fixture } = homes[0]!;
    const env = { HOME: '/nonexistent', MAINSTAY_URL: fixture.plane.url, MAINSTAY_TOKEN: fixture.token };
    for (const [code, input] of Object.entries(cases[id].errors)) {
      const { argv, stdin } = argvOf(operation, await input(fixture));
      const ended = await runCaptured(argv, env, stdin);
      expect(ended.code, `${argv.join(' ')}: ${ended.stderr}`).toBe(exitCodeOfError[code as ErrorCode]);
      expect(ended.stderr).toMatch(/^Error: .+\n/);
      expect(ended.stdout).toBe('');
    }
  });
});

/** What succeeds a second time too: some things are gone once they were removed. */
function freshInput(id: OperationId, fixture: Fixture): Input | Promise<Input> {
  switch (id) {
    case 'stacks.remove':
      return { stack: 'blog' };
    case 'servers.remove':
      return { server: 'invited' };
    case 'servers.tunnel_remove':
      return { server: 'idle' };
    case 'secrets.remove':
      return { stack: 'shop', name: 'UNUSED' };
    case 'credentials.create_deploy_key':
      return { name: 'another-key' };
    case 'credentials.remove':
      return { name: 'new-key' };
    case 'access.create_user':
      return { name: 'carl', role: 'viewer' };
    case 'access.remove_user':
      return { user: 'bob' };
    case 'access.end_session':
      return { id: fixture.session_ids[1] };
    case 'access.create_token':
      return { name: 'another' };
    case 'access.revoke_token':
      return { id: fixture.token_ids[1] };
    case 'keeper.revoke_key':
      return { kid: fixture.kids[0] };
    case 'runs.cancel':
    case 'runs.pause':
      return { id: fixture.errands.running[2] };
    case 'runs.resume':
      return { id: fixture.errands.paused[1] };
    case 'runs.retry':
      return { id: fixture.errands.failed[1] };
    default:
      return cases[id].success(fixture);
  }
}

async function countOperations({ plane }: Fixture): Promise<number> {
  const output = await plane.call('operations.list', await plane.owner(), { limit: 200 });
  return (output as { operations: unknown[] }).operations.length;
}

it('a request past the bound is TooLarge wherever it is bytes', async () => {
  const operation = operationList.find(({ id }) => id === 'stacks.apply')!;
  const huge = { stack: 'shop', spec: { services: {}, filler: 'x'.repeat(3 * 1024 * 1024) } };
  for (const { face } of homes) {
    if (face.name === 'direct') continue;
    const answer = await face.call(operation, huge).catch((error: unknown) => ({ thrown: String(error) }));
    expect(JSON.stringify(answer), face.name).toContain('TooLarge');
  }
});
