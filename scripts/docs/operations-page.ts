/** docs/reference/operations.md, from the contract. */
import { apiPrefix } from '@mainstay/contract/client';
import { inputJsonSchema, type JsonSchema, outputJsonSchema } from '@mainstay/contract/json-schema';
import { changeFields, type Effect, isChange, type Operation, universalErrors } from '@mainstay/contract/operation';
import { operationList } from '@mainstay/contract/operations/index';
import { code, fieldRows, page, table, typeText } from './markdown.ts';

export function operationsPage(): string {
  return page(
    'Operations',
    'the contract (packages/contract/src/operations)',
    'Everything that Mainstay does is one of these operations, and means the same in every interface. The HTTP interface is described by OpenAPI at `/api/v1/openapi.json`, and browsable at `/api/docs`.',
    `Any operation may give ${universalErrors.map(code).join(', ')} beside the errors it lists: see [errors](errors.md).`,
    effects(),
    changes(),
    table(
      ['Operation', 'What it does', 'Effect'],
      operationList.map((operation) => [
        `[${code(operation.id)}](#${anchor(operation.id)})`,
        operation.summary,
        operation.effect,
      ]),
    ),
    ...operationList.map(section),
  );
}

function effects(): string {
  const rows: Record<Effect, string> = {
    read: 'Changes nothing.',
    act: 'A word on what is there already, such as an approval: done at once, with no plan and no operation of its own.',
    change:
      'Is planned, decided by policy, signed by the keeper, and carried out by a run; an operation holds the record of it.',
    destroy: 'The same, and something is gone after it: by the built-in policies it waits until it is confirmed.',
  };
  return table(
    ['Effect', 'Meaning'],
    Object.entries(rows).map(([effect, meaning]) => [code(effect), meaning]),
  );
}

function changes(): string {
  const rows = Object.entries(changeFields).map(([name, schema]) => [code(name), schema.description ?? '']);
  return [
    '## Changes',
    'Every operation that changes something takes these fields too, and answers `{ operation, result }`: the operation with its plan and state, and what is handed out once. It answers as soon as the change is signed and written, or is denied, or waits for people (`waiting`); `operations.get` with `wait_seconds` tells how it ended, and `operations.collect` gives the result of one that had to wait.',
    table(['Field', 'Meaning'], rows),
  ].join('\n\n');
}

function section(operation: Operation): string {
  const shared = isChange(operation) ? Object.keys(changeFields) : [];
  const input = withoutFields(inputJsonSchema(operation.input), shared);
  const rows = fieldRows(input);
  const facts = [
    ['HTTP', code(`${operation.http.method} ${apiPrefix}${operation.http.path}`)],
    [
      'CLI',
      code(
        ['mainstay', ...operation.cli.command, ...(operation.cli.args ?? []).map((arg) => arg.toUpperCase())].join(' '),
      ),
    ],
    ['MCP tool', code(operation.id.replaceAll('.', '_'))],
    ['Permission', operation.permission === 'none' ? 'none' : code(operation.permission)],
    ['Effect', operation.effect],
    ['Errors', operation.errors.map(code).join(', ') || 'none of its own'],
  ];
  return [
    `## ${operation.id}`,
    [operation.summary, operation.description].filter(Boolean).join('. ').replace(/[.]?$/, '.'),
    table(['', ''], facts),
    ...(rows.length > 0 ? [table(['Input', 'Type', 'Default', 'Meaning'], rows)] : []),
    outputText(operation),
  ].join('\n\n');
}

function outputText(operation: Operation): string {
  const output = outputJsonSchema(operation.output).properties ?? {};
  if (!isChange(operation)) return outputFields('Output', output);
  const result = (output['result']?.['anyOf'] as JsonSchema[] | undefined)?.find((schema) => schema.properties);
  return result ? outputFields('Result', result.properties ?? {}) : 'Result: none.';
}

function outputFields(title: string, properties: Record<string, JsonSchema>): string {
  const rows = Object.entries(properties).map(([name, schema]) => [
    code(name),
    typeText(schema),
    String(schema['description'] ?? ''),
  ]);
  return table([title, 'Type', 'Meaning'], rows);
}

function withoutFields(schema: JsonSchema, names: readonly string[]): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(schema.properties ?? {}).filter(([name]) => !names.includes(name)),
  );
  return { ...schema, properties };
}

function anchor(id: string): string {
  return id.replaceAll('.', '');
}
