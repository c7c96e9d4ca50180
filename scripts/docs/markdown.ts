/** Pieces of Markdown, and JSON Schema in words. */
import type { JsonSchema } from '@mainstay/contract/json-schema';

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellText).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text of a cell: no end of the cell, and no HTML outside of code. */
function cellText(text: string): string {
  const parts = text.replaceAll('|', '\\|').replaceAll('\n', ' ').split('`');
  return parts.map((part, at) => (at % 2 === 0 ? part.replaceAll('<', '&lt;') : part)).join('`');
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function page(title: string, source: string, ...parts: readonly string[]): string {
  return `# ${title}\n\n<!-- Made by scripts/docs.ts from ${source}. Change that, then run \`npm run docs\`. -->\n\n${parts.join('\n\n')}\n`;
}

/** A schema with its reference followed. */
export function resolved(schema: JsonSchema, definitions: Record<string, JsonSchema>): JsonSchema {
  const reference = schema['$ref'];
  return typeof reference === 'string' ? definitions[reference.replace('#/$defs/', '')]! : schema;
}

/** Type and bounds of a value in words, such as `integer, 1 to 65535`. */
export function typeText(schema: JsonSchema): string {
  if (typeof schema['$ref'] === 'string') return schema['$ref'].replace('#/$defs/', '');
  if (schema['const'] !== undefined) return `always ${code(JSON.stringify(schema['const']))}`;
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => code(String(value))).join(' or ');
  const choices = schema['anyOf'] as JsonSchema[] | undefined;
  if (choices) return choices.map(typeText).join(' or ');
  const type = schema['type'];
  if (Array.isArray(type)) return type.join(' or ');
  if (type === 'array')
    return `list of ${typeText(schema['items'] as JsonSchema).split(',')[0]}${boundText(schema, 'Items', 'entries')}`;
  if (type === 'object') return schema.properties ? 'object' : 'object of names and values';
  if (type === 'string') return `text${boundText(schema, 'Length', 'characters')}`;
  return `${type === 'boolean' ? 'true or false' : String(type)}${rangeText(schema)}`;
}

function boundText(schema: JsonSchema, suffix: 'Length' | 'Items', unit: string): string {
  const [min, max] = [schema[`min${suffix}`], schema[`max${suffix}`]];
  if (max === undefined) return '';
  return typeof min === 'number' && min > 1 ? `, ${min} to ${max} ${unit}` : `, at most ${max} ${unit}`;
}

/** Bounds that only say that a number is a safe integer are left out. */
function rangeText(schema: JsonSchema): string {
  const bound = (value: unknown) => (typeof value === 'number' && Math.abs(value) < 2 ** 53 - 1 ? value : null);
  const [min, max] = [bound(schema['minimum']), bound(schema['maximum'])];
  if (min !== null && max !== null) return `, ${min} to ${max}`;
  return min !== null ? `, at least ${min}` : max !== null ? `, at most ${max}` : '';
}

/** Rows of an object's fields: name, type, default, meaning. */
export function fieldRows(schema: JsonSchema): string[][] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => [
    code(name),
    typeText(property),
    required.has(name) ? '**required**' : defaultText(property),
    String(property['description'] ?? ''),
  ]);
}

function defaultText(schema: JsonSchema): string {
  const value = schema['default'];
  if (value === undefined) return '–';
  return typeof value === 'object' ? '–' : code(JSON.stringify(value).replace(/^"(.*)"$/, '$1'));
}
