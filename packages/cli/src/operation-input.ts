/**
 * From options and arguments to the input of an operation, by its JSON Schema. Values are only brought into their JSON
 * type here; whether they are acceptable is the control plane's to say, so that every interface says the same.
 */
import { AppError } from '@mainstay/contract/errors';
import { inputJsonSchema, type JsonSchema } from '@mainstay/contract/json-schema';
import type { Operation } from '@mainstay/contract/operation';

export type InputField = {
  name: string;
  /** `word`: a number or a text. */
  kind: 'text' | 'number' | 'word' | 'flag' | 'list' | 'json' | 'secret';
  required: boolean;
  description: string;
  choices: readonly string[];
  default: unknown;
};

/** The input fields of an operation, in their order. */
export function inputFields(operation: Operation): InputField[] {
  const schema = inputJsonSchema(operation.input);
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    kind: kindOf(property),
    required: required.has(name),
    description: String(property['description'] ?? ''),
    choices: (property['enum'] as string[] | undefined) ?? [],
    default: property['default'],
  }));
}

function kindOf(property: JsonSchema): InputField['kind'] {
  if (property['writeOnly'] === true) return 'secret';
  switch (property['type']) {
    case 'string':
      return 'text';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'flag';
    case 'array':
      return (property['items'] as JsonSchema | undefined)?.['type'] === 'string' ? 'list' : 'json';
    default:
      return isWord(property) ? 'word' : 'json';
  }
}

function isWord({ anyOf }: JsonSchema): boolean {
  const types = ((anyOf ?? []) as JsonSchema[]).map(({ type }) => String(type));
  return (
    types.length === 2 && types.includes('string') && types.some((type) => type === 'integer' || type === 'number')
  );
}

/** `delete_data` is written `--delete-data`. */
export function optionName(field: string): string {
  return field.replaceAll('_', '-');
}

export function numberValue(field: string, text: string): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new AppError('InvalidInput', `"${field}": "${text.slice(0, 100)}" is not a number.`, { field });
}

/** JSON as it stands, or `@path` for a file that holds JSON or YAML. */
export async function jsonValue(field: string, text: string, readFile: (path: string) => string): Promise<unknown> {
  const source = text.startsWith('@') ? readFile(text.slice(1)) : text;
  try {
    if (!text.startsWith('@')) return JSON.parse(source);
    const { readYaml } = await import('./stack-file/yaml-document.ts');
    return readYaml(source, text.slice(1))[0]?.value ?? null;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('InvalidInput', `"${field}" is not JSON: ${(error as Error).message}`, {
      field,
      hint: `Give JSON, or @FILE with the name of a JSON or YAML file.`,
      cause: error,
    });
  }
}
