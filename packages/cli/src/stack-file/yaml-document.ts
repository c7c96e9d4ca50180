/**
 * YAML as it is allowed here: one megabyte, few aliases (a YAML bomb is refused before it unfolds), no key twice. Every
 * value can be found again in the text, so that an error tells the line. The rules are those of the YAML 1.2 core schema.
 */
import { AppError } from '@mainstay/contract/errors';
import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseAllDocuments } from 'yaml';

export const yamlLimits = { bytes_max: 1024 * 1024, documents_max: 50, aliases_max: 100 } as const;

export type Position = { line: number; column: number };

export type YamlDocument = {
  value: unknown;
  /** Where the value at this path stands; of a key that is not there, where its nearest parent stands. */
  positionOf(path: readonly PropertyKey[], at?: 'key' | 'value'): Position;
};

/** Reads all documents of a text. Errors name the file, the line and the column. */
export function readYaml(text: string, file: string): YamlDocument[] {
  if (Buffer.byteLength(text) > yamlLimits.bytes_max) {
    throw new AppError('TooLarge', `${file} is larger than ${yamlLimits.bytes_max / 1024 / 1024} MiB.`);
  }
  const lines = new LineCounter();
  const parsed = parseBounded(text, lines, file);
  if (!Array.isArray(parsed)) return [];
  if (parsed.length > yamlLimits.documents_max) {
    throw new AppError('TooLarge', `${file} holds more than ${yamlLimits.documents_max} documents.`);
  }
  return parsed.map((document) => documentOf(document, lines, file));
}

function parseBounded(text: string, lines: LineCounter, file: string) {
  try {
    return parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, stringKeys: true });
  } catch (error) {
    // The parser recurses, so that its bound on depth is the stack of calls.
    throw new AppError('InvalidInput', `${file} cannot be read: it is nested too deeply.`, { cause: error });
  }
}

function documentOf(document: Document.Parsed, lines: LineCounter, file: string): YamlDocument {
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    const at = positionAt(lines, problem.pos[0]);
    const isDuplicate = problem.code === 'DUPLICATE_KEY';
    throw new AppError('InvalidInput', `${file}:${at.line}:${at.column}: ${problem.message}`, {
      hint: isDuplicate ? 'Keep one of the two.' : 'Check the indentation and the quotes around this place.',
      cause: problem,
    });
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: yamlLimits.aliases_max });
  } catch (error) {
    throw new AppError('InvalidInput', `${file}: ${(error as Error).message}.`, {
      hint: 'Write the values out instead of repeating them by aliases (`*name`).',
      cause: error,
    });
  }
  return {
    value,
    positionOf(path, at = 'value') {
      for (let length = path.length; length > 0; length -= 1) {
        const offset = offsetOf(document, path.slice(0, length), length === path.length ? at : 'value');
        if (offset !== null) return positionAt(lines, offset);
      }
      return positionAt(lines, document.contents?.range?.[0] ?? 0);
    },
  };
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], at: 'key' | 'value'): number | null {
  const last = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(last));
    const node = at === 'key' ? pair?.key : (pair?.value ?? pair?.key);
    return startOf(node);
  }
  return startOf(document.getIn(path, true));
}

function startOf(node: unknown): number | null {
  return isNode(node) ? ((node as Node).range?.[0] ?? null) : null;
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
