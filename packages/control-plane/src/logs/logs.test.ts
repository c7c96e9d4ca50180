import { AppError } from '@mainstay/contract/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type enrolByHand, type Fixture, startFixture } from '../testing/fixture.ts';

let at: Fixture;
let send: Awaited<ReturnType<typeof enrolByHand>>['send'];
const release_id = `rel_${'a'.repeat(24)}`;
let seq = 0;

beforeEach(async () => {
  at = await startFixture();
  const { url } = at.repository('web');
  await at.client['stacks.apply']({
    stack: 'shop',
    spec: { services: { web: { source: { git: url }, run: ['true'] } } },
  });
  ({ send } = await at.enrol('main', 'shop'));
  seq = 0;
});
afterEach(() => at.stop());

async function print(...texts: string[]): Promise<void> {
  const lines = texts.map((text) => {
    seq += 1;
    return { seq, at: 1_000 * seq, service: 'web', release_id, stream: 'stdout', text };
  });
  expect((await send('POST', '/logs', { lines })).status).toBe(200);
}

const logs = (input: object = {}) => at.client['logs.list']({ stack: 'shop', ...input });

describe('logs', () => {
  it('carry the level that each line says', async () => {
    await print('INFO up', 'nothing said', '{"level":50,"msg":"down"}');
    const { lines } = await logs();
    expect(lines.map(({ level }) => level)).toEqual(['info', null, 'error']);
    expect((await logs({ level: 'warn' })).lines).toMatchObject([{ text: '{"level":50,"msg":"down"}' }]);
  });

  it('are waited for, also when what comes first does not fit', async () => {
    await print('INFO up');
    const { next } = await logs();
    const waiting = logs({ after: next, level: 'error', wait_seconds: 20 });
    await print('INFO still up');
    await print('ERROR down');
    expect((await waiting).lines).toMatchObject([{ text: 'ERROR down', level: 'error' }]);
  });

  it.each([
    [{ after: 1, before: 2 }, 'before'],
    [{ before: 1, around: 2 }, 'around'],
    [{ from: 2, to: 1 }, 'to'],
    [{ level: 'loud' }, 'level'],
  ])('that are asked for with %j are refused by the field', async (input, field) => {
    const refused = await logs(input).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(AppError);
    expect(refused).toMatchObject({ code: 'InvalidInput', field });
  });
});

describe('the download of logs', () => {
  const download = (query = '', init: Parameters<Fixture['http']>[1] = {}) =>
    at.http(`/api/v1/stacks/shop/logs/download${query}`, init);

  it('gives every line that fits as text, more of them than a page holds, each on one line', async () => {
    for (let start = 0; start < 2_500; start += 500) {
      await print(
        ...Array.from({ length: 500 }, (_, index) => `${index % 10 === 0 ? 'ERROR' : 'INFO'} ${start + index}`),
      );
    }
    await print('two\nlines\r\u001b[31m');
    const answer = await download();
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toMatch(/^attachment; filename="shop-[\dTZ-]+\.log"$/);
    const lines = (await answer.text()).trimEnd().split('\n');
    expect(lines).toHaveLength(2_501);
    expect(lines[0]).toBe(`1970-01-01T00:00:01.000Z main web ${release_id} stdout ERROR 0`);
    expect(lines[2_499]).toMatch(/ INFO 2499$/);
    expect(lines[2_500]?.endsWith(' stdout two\\nlines\\r\u001b[31m')).toBe(true);
    const errors = await (await download('?service=web&level=error&from=1000&to=100000')).text();
    expect(errors.trimEnd().split('\n')).toHaveLength(10);
  });

  it('is empty where nothing fits', async () => {
    const answer = await download('?service=none');
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('goes on past a time that is none', async () => {
    const line = { seq: 1, at: Number.MAX_SAFE_INTEGER, service: 'web', release_id, stream: 'stdout', text: 'late' };
    expect((await send('POST', '/logs', { lines: [line] })).status).toBe(200);
    expect(await (await download()).text()).toMatch(/ stdout late\n$/);
  });

  it('is refused like any read', async () => {
    const refused = async (answer: Promise<Response>) => {
      const { code, field } = (await (await answer).json()) as { code: string; field?: string };
      return [code, field];
    };
    expect(await refused(download('', { token: null }))).toEqual(['Unauthenticated', undefined]);
    expect(await refused(download('?colour=red'))).toEqual(['InvalidInput', 'colour']);
    expect(await refused(download('?level=loud'))).toEqual(['InvalidInput', 'level']);
    expect(await refused(download('?from=2&to=1'))).toEqual(['InvalidInput', 'to']);
    expect(await refused(at.http('/api/v1/stacks/nowhere/logs/download'))).toEqual(['NotFound', 'stack']);
  });

  it('is in the description of the API', async () => {
    const { paths } = (await (await at.http('/api/v1/openapi.json')).json()) as { paths: Record<string, unknown> };
    expect(paths['/api/v1/stacks/{stack}/logs/download']).toMatchObject({
      get: { 'x-permission': 'logs:read', responses: { 200: { content: { 'text/plain': {} } } } },
    });
  });
});
