/** The four ways to an operation, each as one function: in process, over HTTP, through the CLI, through MCP. */

import { registrations, runCli } from '@mainstay/cli';
import { createCapturedTerminal } from '@mainstay/cli/terminal/captured-terminal';
import { requestOf } from '@mainstay/contract/client';
import { AppError, type ErrorBody } from '@mainstay/contract/errors';
import { inputJsonSchema } from '@mainstay/contract/json-schema';
import { isChange, type Operation, type OperationView } from '@mainstay/contract/operation';
import type { OperationId } from '@mainstay/contract/operations/index';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Fixture } from './fixture.ts';

export type Input = Record<string, unknown>;
export type Answer = { output: unknown; error: null } | { output: null; error: ErrorBody };
export type Call = (
  operation: Operation & { id: OperationId },
  input: Input,
  as?: 'owner' | 'nobody',
) => Promise<Answer>;
export type Interface = { name: string; call: Call; close(): Promise<void> };

export const interfaces = { direct, http, cli, mcp } as const;

async function direct({ plane }: Fixture): Promise<Interface> {
  const owner = await plane.owner();
  return {
    name: 'direct',
    async call(operation, input, as = 'owner') {
      try {
        return { output: await plane.call(operation.id, as === 'owner' ? owner : null, input), error: null };
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return { output: null, error: error.toBody() };
      }
    },
    close: async () => {},
  };
}

async function http({ plane, token }: Fixture): Promise<Interface> {
  return {
    name: 'http',
    async call(operation, input, as = 'owner') {
      const { method, path, body } = requestOf(operation, input);
      const headers: Record<string, string> = as === 'owner' ? { authorization: `Bearer ${token}` } : {};
      if (body !== null) headers['content-type'] = 'application/json';
      const ask = () => fetch(plane.url + path, { method, headers, body });
      // A connection that was kept since the fixture was made may be closed at this very moment; a read is asked again, as browsers do.
      const response = await ask().catch((error: Error) => {
        if (method !== 'GET') throw error;
        return ask();
      });
      const answer = (await response.json()) as unknown;
      return response.ok ? { output: answer, error: null } : { output: null, error: answer as ErrorBody };
    },
    close: async () => {},
  };
}

async function cli({ plane, token }: Fixture): Promise<Interface> {
  return {
    name: 'cli',
    async call(operation, input, as = 'owner') {
      const { argv, stdin } = argvOf(operation, input);
      const env = {
        HOME: '/nonexistent',
        MAINSTAY_URL: plane.url,
        ...(as === 'owner' ? { MAINSTAY_TOKEN: token } : {}),
      };
      const { code, stdout, stderr } = await runCaptured([...argv, '--json'], env, stdin);
      if (stderr === '') return { output: JSON.parse(stdout), error: null };
      const error = JSON.parse(stderr) as ErrorBody;
      if (code === 0) throw new Error(`exit code 0 beside an error: ${stderr}`);
      return { output: null, error };
    },
    close: async () => {},
  };
}

async function mcp({ plane, token }: Fixture): Promise<Interface> {
  const headers = { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${plane.url}/mcp?changes=1`), {
    requestInit: { headers },
  });
  const client = new Client({ name: 'parity', version: '1' });
  await client.connect(transport);
  // With the list at hand, the client checks every result against its schema.
  await client.listTools();
  const callTool = async (name: string, input: Input): Promise<Answer> => {
    const result = await client.callTool({ name, arguments: input });
    if (!result.isError) return { output: result.structuredContent, error: null };
    const [block] = result.content as { type: string; text: string }[];
    return { output: null, error: JSON.parse(block!.text) as ErrorBody };
  };
  return {
    name: 'mcp',
    async call(operation, input, as = 'owner') {
      const name = operation.id.replaceAll('.', '_');
      if (as === 'nobody') return { output: null, error: await callToolAsNobody(plane.url, name, input) };
      // As an assistant has to: it plans first, and brings the hash of that plan.
      if (!isChange(operation) || input['dry_run'] === true || input['plan_hash'] !== undefined)
        return callTool(name, input);
      const planned = await callTool(name, { ...input, dry_run: true });
      if (planned.error) return planned;
      const { plan } = (planned.output as { operation: OperationView }).operation;
      return callTool(name, { ...input, plan_hash: plan.hash });
    },
    close: () => client.close(),
  };
}

async function callToolAsNobody(url: string, name: string, input: Input): Promise<ErrorBody> {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: input } }),
  });
  return (await response.json()) as ErrorBody;
}

/** The command line that makes this input; secrets go to the standard input. */
export function argvOf(operation: Operation, input: Input): { argv: string[]; stdin: string } {
  const properties = inputJsonSchema(operation.input).properties ?? {};
  const positional = operation.cli.args ?? [];
  const argv = [...operation.cli.command];
  for (const name of positional) if (input[name] !== undefined) argv.push(String(input[name]));
  let stdin = '';
  for (const [name, value] of Object.entries(input)) {
    if (positional.includes(name) || value === undefined) continue;
    const option = `--${name.replaceAll('_', '-')}`;
    if (properties[name]?.['writeOnly']) stdin = `${String(value)}\n`;
    else if (value === true) argv.push(option);
    else if (isList(value)) for (const item of value) argv.push(option, item);
    else if (typeof value === 'object') argv.push(option, JSON.stringify(value));
    else argv.push(option, String(value));
  }
  if (isChange(operation)) argv.push('--no-wait');
  return { argv, stdin };
}

function isList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Runs the real command in this process, with what it reads and writes held here. */
export async function runCaptured(
  argv: readonly string[],
  env: Record<string, string>,
  stdin = '',
): Promise<{ code: number; stdout: string; stderr: string }> {
  const terminal = createCapturedTerminal({ env, stdin });
  const code = await runCli(argv, terminal, registrations);
  return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
}
