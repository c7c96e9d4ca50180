/** A stack file that the repository holds: its text, and what it says, or why it is not acceptable. */
import { invalidInput } from '@mainstay/contract/errors';
import { StackFile, type StackSpec } from '@mainstay/contract/stack';
import { type Document, isScalar, parseAllDocuments, visit } from 'yaml';
import type { RepositoryView } from './detect/view.ts';

const names = ['mainstay.yaml', 'mainstay.yml'];
const aliases_max = 100;

export type FoundStackFile = {
  path: string;
  yaml: string;
  stack: string | null;
  spec: StackSpec | null;
  error: string | null;
};

/** The stack file of the folder, or of the top. */
export async function findStackFile(view: RepositoryView, root: string): Promise<FoundStackFile | null> {
  const paths = [...(root === '' ? [] : names.map((name) => `${root}/${name}`)), ...names];
  const path = paths.find((candidate) => view.paths.includes(candidate));
  const yaml = path === undefined ? null : await view.read(path);
  if (path === undefined || yaml === null) return null;
  const refused = (error: string) => ({ path, yaml, stack: null, spec: null, error });
  let value: unknown;
  try {
    const documents = parseAllDocuments(yaml, { uniqueKeys: false, prettyErrors: false, stringKeys: true });
    if (!Array.isArray(documents) || documents.length === 0) return refused('It is empty.');
    if (documents.length > 1) return refused('It holds several stacks: apply it with `mainstay apply`.');
    const problem = documents[0]!.errors[0] ?? documents[0]!.warnings[0];
    if (problem) return refused(problem.message.slice(0, 300));
    const excess = excessIn(documents[0]!);
    if (excess) return refused(excess);
    value = documents[0]!.toJS({ maxAliasCount: aliases_max });
  } catch (error) {
    // Too deep for the parser, or a YAML bomb.
    return refused(`It cannot be read: ${(error as Error).message.slice(0, 300)}.`);
  }
  const parsed = StackFile.safeParse(value);
  if (!parsed.success) return refused(invalidInput(parsed.error).message);
  const { stack, ...spec } = parsed.data;
  return { path, yaml, stack, spec, error: null };
}

/** A key that stands twice in its map, or too many aliases. The parser's own checks compare each of them with all before it. */
function excessIn(document: Document): string | null {
  let found: string | null = null;
  let aliases = 0;
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (keys.has(key.value)) found = `The key "${key.value}" stands twice.`;
        if (found) return visit.BREAK;
        keys.add(key.value);
      }
      return undefined;
    },
    Alias() {
      if (++aliases <= aliases_max) return undefined;
      found = `There are more than ${aliases_max} aliases.`;
      return visit.BREAK;
    },
  });
  return found;
}
