/**
 * The contract as MCP tools (Model Context Protocol): one tool per operation, with its schemas and what it does to the
 * world. A connection reads only, until it was opened for changes; then a change has to bring the hash of the plan that was
 * shown, so that an assistant does nothing that nobody could look at. Everything else is the callee's to decide: the input goes
 * there as it came, and its errors come back as tool results that are errors, with the body that HTTP gives as their text.
 *
 * Imported as `@mainstay/contract/mcp` and not from the index, so that other bundles do not carry the SDK.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type Tool,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import { AppError, type ErrorBody } from './errors.ts';
import { inputJsonSchema, type JsonSchema, outputJsonSchema } from './json-schema.ts';
import { isChange, type Operation } from './operation.ts';
import { type OperationId, operationList } from './operations/index.ts';

/** Name of an operation's tool: clients take letters, digits and underscores only. */
export function mcpToolName(operation: Operation): string {
  return operation.id.replaceAll('.', '_');
}

/** The tools of these operations, in their order. */
export function mcpTools(list: readonly Operation[] = operationList): Tool[] {
  return list.map((operation) => ({
    name: mcpToolName(operation),
    title: operation.summary,
    description: [operation.summary, operation.description].filter(Boolean).join('. '),
    inputSchema: objectSchema(inputJsonSchema(operation.input)),
    outputSchema: objectSchema(outputJsonSchema(operation.output)),
    annotations: annotationsOf(operation),
  }));
}

/**
 * Hints by MCP's own definitions. Destructive means not only adding: what is put may replace, what is deleted is gone.
 * The open world begins where a Git host is asked.
 */
function annotationsOf(operation: Operation): NonNullable<Tool['annotations']> {
  const { method } = operation.http;
  const destroys = operation.effect === 'destroy' || method === 'PUT' || method === 'DELETE';
  return {
    title: operation.summary,
    readOnlyHint: operation.effect === 'read',
    destructiveHint: operation.effect !== 'read' && destroys,
    idempotentHint: method !== 'POST',
    openWorldHint: operation.errors.includes('SourceUnavailable'),
  };
}

/** MCP reads schemas as JSON Schema 2020-12 unless told otherwise, and some clients refuse to be told. */
function objectSchema(schema: JsonSchema): Tool['inputSchema'] {
  const { $schema: _, ...rest } = schema;
  return { ...rest, type: 'object' } as Tool['inputSchema'];
}

export type McpOptions = {
  version: string;
  /** Whether tools that change or say something are offered; left out, those that read are all. */
  allow_changes?: boolean;
  /** Permissions of whoever is connected: tools that need another one are not listed. The callee checks them all the same. */
  permissions?: () => Promise<readonly string[]>;
  /** Carries out an operation; throws the contract's AppError. The signal is aborted when the client has gone. */
  call: (operation: OperationId, input: Record<string, unknown>, signal: AbortSignal) => Promise<unknown>;
  /** Id under which a fault is found in the log. */
  correlationId?: () => string | undefined;
  /** Told of what is no AppError; the client learns only that there was a fault. */
  onFault?: (error: unknown) => void;
};

const toolOf = new Map(mcpTools().map((tool, at) => [operationList[at]!.id as string, tool]));
const operationOfTool = new Map(operationList.map((operation) => [mcpToolName(operation), operation]));

const reading =
  'This connection reads only: no tool of it changes anything. Whoever runs it can open it for changes (`mainstay mcp --allow-changes`, or `/mcp?changes=1` over HTTP).';
const changing =
  'Changes are planned first: call a tool with dry_run to see its plan, show the plan to the person that you work for, then call it again with the plan_hash that it gave; without that hash nothing is changed. A change answers once it is under way, or waits for people; operations_get with wait_seconds tells how it ended. What policy wants signed is confirmed and approved by people with keys of their own, not here.';
const validator = new AjvJsonSchemaValidator();

/** An MCP server over the whole contract, to be connected to a transport. */
export function createMcpServer(options: McpOptions): Server {
  const server = new Server(
    { name: 'mainstay', title: 'Mainstay', version: options.version },
    {
      capabilities: { tools: {} },
      instructions: options.allow_changes ? changing : reading,
      jsonSchemaValidator: validator,
    },
  );
  server.setRequestHandler(ListToolsRequestSchema, async () => ({
    tools: (await offered(options)).map(({ id }) => toolOf.get(id)!),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const operation = operationOfTool.get(params.name);
    if (!operation) throw new McpError(ErrorCode.InvalidParams, `There is no tool ${JSON.stringify(params.name)}.`);
    try {
      const input = params.arguments ?? {};
      checkChange(operation, input, options);
      return resultOf(await options.call(operation.id, input, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      return errorResultOf(errorBody(error, options));
    }
  });
  return server;
}

async function offered({ allow_changes, permissions }: McpOptions): Promise<readonly Operation[]> {
  if (!allow_changes) return operationList.filter(({ effect }) => effect === 'read');
  const held = await permissions?.();
  return operationList.filter(({ permission }) => !held || permission === 'none' || held.includes(permission));
}

/** @throws AppError Forbidden on a connection that reads only, InvalidInput for a change whose plan nobody was shown. */
function checkChange(operation: Operation, input: Record<string, unknown>, { allow_changes }: McpOptions): void {
  if (operation.effect === 'read') return;
  if (!allow_changes) {
    throw new AppError('Forbidden', `${mcpToolName(operation)} is not offered: this connection reads only.`, {
      hint: 'Whoever runs it can open it for changes: mainstay mcp --allow-changes, or /mcp?changes=1 over HTTP.',
    });
  }
  if (!isChange(operation) || input['dry_run'] === true || input['plan_hash'] !== undefined) return;
  throw new AppError('InvalidInput', '"plan_hash" is missing: a change is bound to the plan that was shown before.', {
    field: 'plan_hash',
    hint: 'Call it with dry_run: true, show the plan that it gives, then call it again with the hash of that plan.',
  });
}

function errorBody(error: unknown, options: McpOptions): ErrorBody {
  if (error instanceof AppError) return error.toBody(error.correlation_id ?? options.correlationId?.());
  options.onFault?.(error);
  return new AppError('Internal', 'Mainstay failed to do this; that is a fault of its own.').toBody(
    options.correlationId?.(),
  );
}

function resultOf(value: unknown): CallToolResult {
  return { content: [textOf(value)], structuredContent: value as Record<string, unknown> };
}

/** The body stands as text only: clients hold structured content against the output schema, that of errors too. */
function errorResultOf(body: ErrorBody): CallToolResult {
  return { content: [textOf(body)], isError: true };
}

function textOf(value: unknown): { type: 'text'; text: string } {
  return { type: 'text', text: JSON.stringify(value, null, 2) };
}

/**
 * Answers one request of the streamable HTTP transport, without sessions: each request stands for itself, and its answer
 * is JSON. Authentication, origin and size are the caller's to check before; `parsed_body` spares reading it twice.
 */
export async function answerMcpRequest(
  options: McpOptions,
  request: Request,
  parsed_body?: unknown,
): Promise<Response> {
  if (request.method !== 'POST') {
    const error = { code: -32_000, message: 'Only POST: this server keeps no sessions and sends nothing by itself.' };
    return Response.json({ jsonrpc: '2.0', error, id: null }, { status: 405, headers: { allow: 'POST' } });
  }
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  const server = createMcpServer(options);
  await server.connect(transport);
  // A transport that is closed never answers, so that nobody may wait for it alone.
  const gone = new Promise<Response>((resolve) => {
    request.signal.addEventListener('abort', () => resolve(new Response(null, { status: 503 })), { once: true });
  });
  try {
    const handled = transport.handleRequest(request, parsed_body === undefined ? {} : { parsedBody: parsed_body });
    return await Promise.race([handled, gone]);
  } finally {
    await server.close();
  }
}
