/** From an HTTP request to the raw input of an operation: path, query and body, with the size bounded. */
import { AppError } from '@mainstay/contract/errors';
import { inputJsonSchema, type JsonSchema } from '@mainstay/contract/json-schema';
import { isChange, type Operation } from '@mainstay/contract/operation';
import type * as z from 'zod';

/** Larger bodies are refused before they are read, bytes. */
export const body_bytes_max = 2 * 1024 * 1024;

export type RawInput = Record<string, unknown>;

export async function rawInput(
  operation: Operation,
  request: Request,
  path: Record<string, string>,
): Promise<RawInput> {
  const query = queryInput(operation.input, new URL(request.url).searchParams);
  const hasBody = operation.http.method === 'POST' || operation.http.method === 'PUT';
  const body = hasBody ? await jsonBody(request, body_bytes_max) : {};
  const input: RawInput = { ...query, ...body };
  for (const [name, value] of Object.entries(path)) {
    if (name in input && input[name] !== value) {
      throw new AppError('InvalidInput', `"${name}" in the path and in the request differ.`, {
        field: name,
        hint: 'Leave it out of the body.',
      });
    }
    input[name] = value;
  }
  const key = request.headers.get('idempotency-key');
  if (key !== null && isChange(operation)) input['idempotency_key'] ??= key;
  return input;
}

/** The body as a JSON object; an empty one is an empty object. */
export async function jsonBody(request: Request, bytes_max: number): Promise<RawInput> {
  const text = await boundedText(request, bytes_max);
  if (text.trim() === '') return {};
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\b/i.test(type)) {
    throw new AppError('InvalidInput', 'The body must be JSON.', {
      hint: 'Send the header Content-Type: application/json.',
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('InvalidInput', `The body is not JSON: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AppError('InvalidInput', 'The body must be a JSON object.');
  }
  return value as RawInput;
}

export async function boundedText(request: Request, bytes_max: number): Promise<string> {
  const tooLarge = () =>
    new AppError('TooLarge', `The request is larger than ${Math.floor(bytes_max / 1024)} KiB.`, {
      hint: 'Send less at once.',
    });
  const stated = request.headers.get('content-length');
  if (Number(stated ?? 0) > bytes_max) throw tooLarge();
  // A stated length is kept by the HTTP parser; such a body is read in one go, which costs a fraction of a stream.
  if (stated !== null) return request.text();
  if (!request.body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > bytes_max) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Query strings are text; what the schema wants as a number, a flag or a list is read as that. */
export function queryInput(schema: z.ZodType, query: URLSearchParams): RawInput {
  const properties = inputJsonSchema(schema).properties ?? {};
  const input: RawInput = {};
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    const schema = properties[name];
    if (values.length > 1 && schema?.['type'] !== 'array') {
      throw new AppError('InvalidInput', `"${name}" is given ${values.length} times.`, {
        field: name,
        hint: 'Give it once.',
      });
    }
    input[name] = schema?.['type'] === 'array' && values.length > 1 ? values : fromText(values[0] ?? '', schema);
  }
  return input;
}

function fromText(text: string, schema: JsonSchema | undefined): unknown {
  switch (schema?.['type']) {
    case 'integer':
    case 'number':
      return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text;
    case 'array':
    case 'object':
      return parsed(text, schema['type']);
    default:
      return text;
  }
}

function parsed(text: string, type: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return type === 'array' ? [text] : text;
  }
}
