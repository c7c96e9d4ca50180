/** "Did you mean": the names that a place of the stack file may hold, and the nearest of them to what was written. */
import { inputJsonSchema, type JsonSchema } from '@mainstay/contract/json-schema';
import { StackFile } from '@mainstay/contract/stack';

/** The field names that the object at this path of a stack file may have. */
export function fieldNamesAt(path: readonly PropertyKey[]): string[] {
  const root = inputJsonSchema(StackFile);
  const definitions = (root['$defs'] ?? {}) as Record<string, JsonSchema>;
  const resolve = (schema: JsonSchema | undefined): JsonSchema | undefined => {
    const reference = schema?.['$ref'];
    return typeof reference === 'string' ? definitions[reference.replace('#/$defs/', '')] : schema;
  };
  let schema = resolve(root);
  for (const step of path) {
    const inner = schema?.properties?.[String(step)] ?? schema?.['additionalProperties'];
    schema = typeof inner === 'object' && inner !== null ? resolve(inner as JsonSchema) : undefined;
  }
  return Object.keys(schema?.properties ?? {});
}

/** The nearest name, where one is near enough to be meant. */
export function nearest(written: string, names: readonly string[]): string | null {
  const ranked = names
    .map((name) => ({ name, distance: editDistance(written.toLowerCase().replaceAll('-', '_'), name) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : null;
}

/** Insertions, deletions, substitutions and swaps of neighbours between two texts (Damerau–Levenshtein). */
function editDistance(a: string, b: string): number {
  if (a.length > 100) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length]!;
}
