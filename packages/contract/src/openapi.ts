/** OpenAPI 3.1 description of the HTTP interface, projected from the operations. */

import { apiPrefix } from './client.ts';
import { ErrorBody, errorCodes } from './errors.ts';
import { inputJsonSchema, type JsonSchema, outputJsonSchema } from './json-schema.ts';
import { isChange, type Operation, pathParameters, universalErrors } from './operation.ts';
import { operationList, operations } from './operations/index.ts';
import { LogDownload } from './operations/watch.ts';

/** HTTP status of every error code: the one place where the two meet. */
export const httpStatus = {
  InvalidInput: 400,
  Unauthenticated: 401,
  Forbidden: 403,
  NotFound: 404,
  Conflict: 409,
  TooLarge: 413,
  SourceUnavailable: 422,
  RateLimited: 429,
  Internal: 500,
  Unavailable: 503,
  Timeout: 504,
} as const satisfies Record<keyof typeof errorCodes, number>;

export type OpenApiDocument = {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  tags: { name: string }[];
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, JsonSchema>; securitySchemes: Record<string, unknown> };
};

export function openApiDocument(version: string, list: readonly Operation[] = operationList): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {};
  const lift = (schema: JsonSchema) => liftDefinitions(schema, schemas);
  schemas['Error'] = lift(withoutIdentity(outputJsonSchema(ErrorBody)));
  const paths: OpenApiDocument['paths'] = {};
  for (const operation of list) {
    const path = `${apiPrefix}${operation.http.path}`;
    paths[path] ??= {};
    paths[path][operation.http.method.toLowerCase()] = describe(operation, lift);
  }
  if (list.includes(operations['logs.list'])) paths[logDownload.http.path] = { get: describeText(logDownload, lift) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mainstay',
      version,
      description:
        'One control plane for your own servers. Every operation here is also a CLI command and an MCP tool.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { session: [] }],
    tags: [...new Set(list.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'mainstay_session' },
      },
    },
  };
}

/** The one answer that is text and so no operation: described like one. */
const logDownload: Operation = {
  ...operations['logs.list'],
  id: 'logs.download',
  summary: 'Give log lines as one text, oldest first',
  description: 'A line: time (ISO 8601, UTC), server, service, release, stream, text; one space between two.',
  http: { method: 'GET', path: `${apiPrefix}/stacks/{stack}/logs/download` },
  input: LogDownload,
};

function describeText(operation: Operation, lift: (schema: JsonSchema) => JsonSchema): Record<string, unknown> {
  const described = describe(operation, lift);
  const done = { description: 'Done', content: { 'text/plain': { schema: { type: 'string' } } } };
  return { ...described, responses: { ...(described['responses'] as object), 200: done } };
}

function describe(operation: Operation, lift: (schema: JsonSchema) => JsonSchema): Record<string, unknown> {
  const input = lift(inputJsonSchema(operation.input));
  const properties = input.properties ?? {};
  const inPath = pathParameters(operation);
  const required = new Set(input.required ?? []);
  const rest = Object.keys(properties).filter((name) => !inPath.includes(name));
  const parameters: unknown[] = inPath.map((name) => ({ name, in: 'path', required: true, schema: properties[name] }));
  const inQuery = operation.http.method === 'GET' || operation.http.method === 'DELETE' ? rest : [];
  for (const name of inQuery) {
    const schema = properties[name]!;
    parameters.push({
      name,
      in: 'query',
      required: required.has(name),
      ...(schema['description'] ? { description: schema['description'] } : {}),
      schema,
    });
  }
  if (isChange(operation)) {
    if (inQuery.length === 0)
      parameters.push({
        name: 'dry_run',
        in: 'query',
        schema: { type: 'boolean' },
        description: 'Show the plan and change nothing.',
      });
    parameters.push({ name: 'Idempotency-Key', in: 'header', schema: { type: 'string', maxLength: 128 } });
  }
  const inBody = rest.filter((name) => !inQuery.includes(name));
  const codes = [...new Set([...universalErrors, ...operation.errors])];
  const responses: Record<string, unknown> = {
    200: { description: 'Done', content: { 'application/json': { schema: lift(outputJsonSchema(operation.output)) } } },
  };
  for (const code of codes) {
    const description = `${code}: ${errorCodes[code]}`;
    responses[httpStatus[code]] = {
      description,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    };
  }
  return {
    operationId: operation.id,
    summary: operation.summary,
    ...(operation.description ? { description: operation.description } : {}),
    tags: [tagOf(operation)],
    'x-permission': operation.permission,
    'x-effect': operation.effect,
    ...(operation.permission === 'none' ? { security: [] } : {}),
    parameters,
    ...(inBody.length > 0
      ? {
          requestBody: {
            required: inBody.some((name) => required.has(name)),
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: Object.fromEntries(inBody.map((name) => [name, properties[name]])),
                  required: inBody.filter((name) => required.has(name)),
                  additionalProperties: false,
                },
              },
            },
          },
        }
      : {}),
    responses,
  };
}

function tagOf(operation: Operation): string {
  return operation.id.split('.')[0]!;
}

function withoutIdentity(schema: JsonSchema): JsonSchema {
  const { $schema: _, id: __, ...rest } = schema as JsonSchema & { $schema?: unknown; id?: unknown };
  return rest;
}

/** Moves `$defs` to the document's components, and points references there. */
function liftDefinitions(schema: JsonSchema, schemas: Record<string, JsonSchema>): JsonSchema {
  const { $defs, ...rest } = withoutIdentity(schema) as JsonSchema & { $defs?: Record<string, JsonSchema> };
  for (const [name, definition] of Object.entries($defs ?? {})) {
    schemas[name] ??= repoint(withoutIdentity(definition)) as JsonSchema;
  }
  return repoint(rest) as JsonSchema;
}

function repoint(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(repoint);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace('#/$defs/', '#/components/schemas/')]
        : [key, repoint(inner)],
    ),
  );
}
