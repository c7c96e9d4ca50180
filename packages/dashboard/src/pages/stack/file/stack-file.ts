/** Reads the text of a stack file. Only its syntax is judged here; what may stand in it the control plane says. */
import { file as texts } from '../../../texts/stack/file.ts';

export type FileProblem = { message: string /** From 1; null where no line is to blame. */; line: number | null };
export type ReadFile = { spec: Record<string, unknown>; problem: null } | { spec: null; problem: FileProblem };

/** Anchors may not make of a small text a huge one. */
const aliases_max = 100;

/** The specification in the text, without its `stack:`, which has to name this stack where it stands. */
export async function readStackFile(text: string, stack: string): Promise<ReadFile> {
  const { parseDocument, LineCounter } = await import('yaml');
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const problem = (message: string, line: number | null): ReadFile => ({ spec: null, problem: { message, line } });
  const error = document.errors[0];
  if (error) return problem(error.message, lineCounter.linePos(error.pos[0]).line);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: aliases_max });
  } catch (cause) {
    return problem((cause as Error).message, null);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return problem(texts.problems.notMap, 1);
  const { stack: named = stack, ...spec } = value as Record<string, unknown>;
  if (named !== stack) return problem(texts.problems.otherStack(String(named), stack), await lineOf(text, 'stack'));
  return { spec, problem: null };
}

/** The line on which a field of the specification stands, or the nearest thing around it; null when none does. */
export async function lineOf(text: string, path: string): Promise<number | null> {
  const { isMap, isSeq, LineCounter, parseDocument } = await import('yaml');
  const lineCounter = new LineCounter();
  let node: unknown = parseDocument(text, { lineCounter, prettyErrors: false }).contents;
  let offset: number | null = null;
  for (const name of path.split('.')) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === name);
      if (!pair) break;
      const range = (pair.key as { range?: [number, number, number] }).range;
      offset = range ? range[0] : offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(name)];
      const range = (node as { range?: [number, number, number] } | undefined)?.range;
      offset = range ? range[0] : offset;
    } else break;
  }
  return offset === null ? null : lineCounter.linePos(offset).line;
}

/** Where a line of the text begins and ends, for selecting it. */
export function lineRange(text: string, line: number): [start: number, end: number] {
  const lines = text.split('\n');
  const start = lines.slice(0, line - 1).reduce((sum, part) => sum + part.length + 1, 0);
  return [start, start + (lines[line - 1]?.length ?? 0)];
}
