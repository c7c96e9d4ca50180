/** JSON Schema (2020-12) of the contract's shapes. Shapes with an id become `$defs`, so that they are written once. */
import * as z from 'zod';

export type JsonSchema = { [key: string]: unknown; properties?: Record<string, JsonSchema>; required?: string[] };

const inputs = new WeakMap<z.ZodType, JsonSchema>();
const outputs = new WeakMap<z.ZodType, JsonSchema>();

/** Schema of what is sent. Made once per shape. */
export function inputJsonSchema(schema: z.ZodType): JsonSchema {
  return cached(inputs, schema, 'input');
}

/** Schema of what comes back. Made once per shape. */
export function outputJsonSchema(schema: z.ZodType): JsonSchema {
  return cached(outputs, schema, 'output');
}

function cached(cache: WeakMap<z.ZodType, JsonSchema>, schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  let json = cache.get(schema);
  if (!json) {
    json = z.toJSONSchema(schema, { io, reused: 'inline', unrepresentable: 'any' }) as JsonSchema;
    cache.set(schema, json);
  }
  return json;
}
