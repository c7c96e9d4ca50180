/** MCP over HTTP: what is offered to whom. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

let at: Fixture;
const secret = { stack: 'shop', name: 'A', value: 'b' };

beforeAll(async () => {
  at = await startFixture();
});
afterAll(() => at.stop());

async function connected(query: string, token: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' });
  const headers = { authorization: `Bearer ${token}` };
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`${at.plane.url}/mcp${query}`), { requestInit: { headers } }),
  );
  return client;
}

async function names(client: Client): Promise<string[]> {
  return (await client.listTools()).tools.map(({ name }) => name);
}

function bodyOf(result: Awaited<ReturnType<Client['callTool']>>): unknown {
  return JSON.parse((result.content as { text: string }[])[0]!.text);
}

describe('MCP over HTTP', () => {
  it('reads only, whoever is connected', async () => {
    const client = await connected('', at.token);
    expect(await names(client)).not.toContain('secrets_set');
    const refused = await client.callTool({ name: 'secrets_set', arguments: { ...secret, dry_run: true } });
    expect(bodyOf(refused)).toMatchObject({ code: 'Forbidden', hint: expect.stringContaining('/mcp?changes=1') });
    expect((await client.callTool({ name: 'stacks_list' })).structuredContent).toEqual({ stacks: [] });
  });

  it('changes with ?changes=1, by the hash of the plan that was shown', async () => {
    const client = await connected('?changes=1', at.token);
    const unseen = await client.callTool({ name: 'secrets_set', arguments: secret });
    expect(bodyOf(unseen)).toMatchObject({ code: 'InvalidInput', field: 'plan_hash' });
    expect((await at.client['secrets.list']({ stack: 'shop' })).secrets).toEqual([]);

    const shown = await client.callTool({ name: 'secrets_set', arguments: { ...secret, dry_run: true } });
    const { operation } = shown.structuredContent as { operation: { plan: { hash: string } } };
    const plan_hash = operation.plan.hash;
    const done = await client.callTool({ name: 'secrets_set', arguments: { ...secret, plan_hash } });
    expect(done.structuredContent).toMatchObject({ operation: { state: 'succeeded' } });
    expect((await at.client['secrets.list']({ stack: 'shop' })).secrets).toMatchObject([{ name: 'A' }]);
  });

  it('neither lists nor does what the role of the token does not allow', async () => {
    const { result } = await at.client['access.create_token']({ name: 'assistant', role: 'viewer' });
    const client = await connected('?changes=1', result!.token!);
    expect(await names(client)).not.toContain('secrets_set');
    const refused = await client.callTool({ name: 'secrets_set', arguments: { ...secret, dry_run: true } });
    expect(bodyOf(refused)).toMatchObject({ code: 'Forbidden' });
  });

  it('refuses another value of changes by name', async () => {
    const answer = await at.http('/mcp?changes=yes', { method: 'POST', body: '{}' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'InvalidInput', field: 'changes' });
  });
});
