import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, it } from 'vitest';
import { AppError } from './errors.ts';
import { answerMcpRequest, createMcpServer, type McpOptions, mcpTools } from './mcp.ts';
import { operationList } from './operations/index.ts';

const stacks = { stacks: [] };
const reads = operationList.filter((operation) => operation.effect === 'read');

function optionsThat(call: McpOptions['call']): McpOptions {
  return { version: '1.2.3', call, correlationId: () => 'cor_1' };
}

async function clientOf(options: McpOptions): Promise<Client> {
  const [here, there] = InMemoryTransport.createLinkedPair();
  await createMcpServer(options).connect(there);
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(here);
  return client;
}

function bodyOf(result: Awaited<ReturnType<Client['callTool']>>): unknown {
  return JSON.parse((result.content as { text: string }[])[0]!.text);
}

it('every operation is one tool, with a name and schemas that clients accept', () => {
  const tools = mcpTools();
  expect(tools.map((tool) => tool.name)).toEqual(operationList.map((operation) => operation.id.replaceAll('.', '_')));
  const ajv = new Ajv2020({ strict: false });
  for (const tool of tools) {
    expect(tool.name).toMatch(/^[a-z_]{1,64}$/);
    expect(tool.inputSchema.type).toBe('object');
    ajv.compile(tool.inputSchema);
    ajv.compile(tool.outputSchema!);
  }
});

it('tools say whether they read, change or destroy', () => {
  const hints = Object.fromEntries(mcpTools().map((tool) => [tool.name, tool.annotations]));
  expect(hints['stacks_list']).toMatchObject({ readOnlyHint: true, destructiveHint: false, openWorldHint: false });
  expect(hints['stacks_remove']).toMatchObject({ readOnlyHint: false, destructiveHint: true, idempotentHint: true });
  expect(hints['stacks_deploy']).toMatchObject({ readOnlyHint: false, idempotentHint: false, openWorldHint: true });
  for (const operation of operationList) {
    expect(hints[operation.id.replaceAll('.', '_')]?.readOnlyHint).toBe(operation.effect === 'read');
  }
});

it('a result comes back as structure and as text', async () => {
  const client = await clientOf(optionsThat(async () => stacks));
  await client.listTools();
  const result = await client.callTool({ name: 'stacks_list', arguments: {} });
  expect(result.structuredContent).toEqual(stacks);
  expect(result.content).toEqual([{ type: 'text', text: JSON.stringify(stacks, null, 2) }]);
  expect(client.getServerVersion()).toMatchObject({ name: 'mainstay', version: '1.2.3' });
});

it('an error of the callee is a result that is an error, with its code and field', async () => {
  const client = await clientOf(
    optionsThat(async (_, input) => {
      throw new AppError('InvalidInput', `Unknown field "${Object.keys(input)[0]}".`, { field: 'bogus', hint: 'Go.' });
    }),
  );
  // A client that knows the output schema must be able to take the error.
  await client.listTools();
  const result = await client.callTool({ name: 'stacks_list', arguments: { bogus: 1 } });
  expect(result.isError).toBe(true);
  expect(bodyOf(result)).toEqual({
    code: 'InvalidInput',
    message: 'Unknown field "bogus".',
    field: 'bogus',
    hint: 'Go.',
    correlation_id: 'cor_1',
  });
});

it('a fault shows nothing of its cause', async () => {
  const faults: unknown[] = [];
  const client = await clientOf({
    ...optionsThat(async () => {
      throw new Error('password hunter2');
    }),
    onFault: (error) => faults.push(error),
  });
  const result = await client.callTool({ name: 'stacks_list', arguments: {} });
  expect(bodyOf(result)).toMatchObject({ code: 'Internal' });
  expect(JSON.stringify(result)).not.toContain('hunter2');
  expect(faults).toHaveLength(1);
});

it('a tool that does not exist is refused', async () => {
  const client = await clientOf(optionsThat(async () => stacks));
  await expect(client.callTool({ name: 'stacks_explode', arguments: {} })).rejects.toThrow(/no tool "stacks_explode"/);
});

it('a connection reads only: what changes or says something is neither listed nor called', async () => {
  const called: string[] = [];
  const client = await clientOf(
    optionsThat(async (id) => {
      called.push(id);
      return stacks;
    }),
  );
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(reads.map(({ id }) => id.replaceAll('.', '_')));
  expect(client.getInstructions()).toContain('reads only');
  for (const name of ['stacks_deploy', 'stacks_remove', 'operations_approve', 'keys_register']) {
    for (const input of [{}, { dry_run: true }, { plan_hash: 'a'.repeat(64) }]) {
      const result = await client.callTool({ name, arguments: input });
      expect(result.isError, name).toBe(true);
      expect(bodyOf(result)).toMatchObject({ code: 'Forbidden', hint: expect.stringContaining('--allow-changes') });
    }
  }
  expect(called).toEqual([]);
});

it('opened for changes, a change is called with dry_run or the hash of a plan only', async () => {
  const called: [string, unknown][] = [];
  const client = await clientOf({
    ...optionsThat(async (id, input) => {
      called.push([id, input]);
      return {};
    }),
    allow_changes: true,
  });
  const plan_hash = 'a'.repeat(64);
  for (const dry_run of [undefined, false, 'true']) {
    const refused = await client.callTool({ name: 'stacks_deploy', arguments: { stack: 'shop', dry_run } });
    expect(bodyOf(refused)).toMatchObject({ code: 'InvalidInput', field: 'plan_hash' });
  }
  expect(called).toEqual([]);
  await client.callTool({ name: 'stacks_deploy', arguments: { stack: 'shop', dry_run: true } });
  await client.callTool({ name: 'stacks_deploy', arguments: { stack: 'shop', plan_hash } });
  await client.callTool({ name: 'operations_cancel', arguments: { id: 'op_1' } });
  expect(called).toEqual([
    ['stacks.deploy', { stack: 'shop', dry_run: true }],
    ['stacks.deploy', { stack: 'shop', plan_hash }],
    ['operations.cancel', { id: 'op_1' }],
  ]);
  expect((await client.listTools()).tools).toHaveLength(operationList.length);
});

it('opened for changes, what the permissions do not cover is not listed', async () => {
  const client = await clientOf({
    ...optionsThat(async () => stacks),
    allow_changes: true,
    permissions: async () => ['stacks:read', 'stacks:deploy'],
  });
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['stacks_list', 'stacks_deploy', 'system_health']));
  expect(names).not.toContain('stacks_apply');
});

it('the streamable transport answers each request by itself', async () => {
  const options = optionsThat(async () => stacks);
  const client = new Client({ name: 'test', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL('http://mainstay.test/mcp'), {
    fetch: async (url, init) => answerMcpRequest(options, new Request(url, init)),
  });
  await client.connect(transport);
  expect((await client.listTools()).tools).toHaveLength(reads.length);
  expect((await client.callTool({ name: 'stacks_list' })).structuredContent).toEqual(stacks);
  const refused = await answerMcpRequest(options, new Request('http://mainstay.test/mcp'));
  expect(refused.status).toBe(405);
  await client.close();
});

it('a client that goes away aborts the call', async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const options = optionsThat((_, __, signal) => {
    started.resolve(signal);
    return new Promise(() => {});
  });
  const gone = new AbortController();
  const request = new Request('http://mainstay.test/mcp', {
    method: 'POST',
    headers: { accept: 'application/json, text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'stacks_list' } }),
    signal: gone.signal,
  });
  const answer = answerMcpRequest(options, request);
  const signal = await started.promise;
  gone.abort();
  expect((await answer).status).toBe(503);
  expect(signal.aborted).toBe(true);
});
