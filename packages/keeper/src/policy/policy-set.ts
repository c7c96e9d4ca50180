/**
 * A set of policies, from the texts of its files. Either all of it is good or none of it counts: a rule that was left out because of a
 * slip could be the one that denies. Errors name the file, the line, the field and the fix.
 */
import { canonicalJson } from '@mainstay/contract/canonical';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { limitsOfPolicies, PolicyFile, type PolicyRule } from '@mainstay/contract/policy';
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { sha256 } from '../ledger/ledger.ts';

export type PolicyText = { name: string; text: string };
/** `name`: file and rule, such as `production/deploys`. */
export type NamedRule = { name: string; rule: PolicyRule };
export type PolicySet = { files: { name: string; sha256: string }[]; rules: NamedRule[]; digest: string };

const aliases_max = 100;

/** @throws AppError InvalidInput or TooLarge; `field` is the path within the file. */
export function policySetOf(texts: readonly PolicyText[]): PolicySet {
  if (texts.length > limitsOfPolicies.files_max) {
    throw new AppError('TooLarge', `There are more than ${limitsOfPolicies.files_max} policy files.`, {
      hint: 'Put several rules into one file.',
    });
  }
  const sorted = [...texts].sort((a, b) => (a.name < b.name ? -1 : 1));
  const rules = sorted.flatMap(({ name, text }) => rulesOf(name, text));
  if (rules.length > limitsOfPolicies.rules_max)
    throw new AppError('TooLarge', `There are more than ${limitsOfPolicies.rules_max} rules in all files together.`);
  const names = rules.map(({ name }) => name);
  const twin = names.find((name, at) => names.indexOf(name) !== at);
  if (twin !== undefined) {
    throw new AppError('InvalidInput', `Two rules are called "${twin}".`, {
      hint: 'Rename one of the files or rules.',
    });
  }
  const files = sorted.map(({ name, text }) => ({ name, sha256: sha256(text) }));
  return { files, rules, digest: sha256(canonicalJson(files)) };
}

function rulesOf(file: string, text: string): NamedRule[] {
  if (Buffer.byteLength(text) > limitsOfPolicies.file_bytes_max)
    throw new AppError('TooLarge', `${file} is larger than ${limitsOfPolicies.file_bytes_max / 1024} KiB.`);
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const document = readDocument(text, file, lines);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    throw new AppError('InvalidInput', `${place(problem.pos[0])}: ${problem.message}`, {
      hint: 'Check the indentation and the quotes around this place.',
    });
  }
  const excess = excessIn(document);
  if (excess) {
    throw new AppError('InvalidInput', `${place(excess.at)}: ${excess.message}`, { hint: excess.hint });
  }
  const checked = PolicyFile.safeParse(jsonOf(document, file));
  if (!checked.success) {
    const error = invalidInput(checked.error);
    throw new AppError(
      'InvalidInput',
      `${place(offsetOf(document, checked.error.issues[0]?.path ?? []))}: ${error.message}`,
      {
        field: error.field,
        hint: error.hint ?? 'The fields are described in docs/reference/policy-file.md.',
      },
    );
  }
  const stem = file.replace(/\.ya?ml$/, '');
  return checked.data.rules.map((rule) => ({ name: `${stem}/${rule.name}`, rule }));
}

function readDocument(text: string, file: string, lines: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, stringKeys: true });
  } catch (error) {
    throw new AppError('InvalidInput', `${file} cannot be read: it is nested too deeply.`, { cause: error });
  }
}

/** A key that stands twice in its map, or aliases beyond the bound. The parser's own checks compare each of them with all before it. */
function excessIn(document: Document.Parsed): { at: number; message: string; hint: string } | null {
  let found: ReturnType<typeof excessIn> = null;
  let aliases = 0;
  visit(document, {
    Map(_, { items }) {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const at = key.range?.[0] ?? 0;
        if (keys.has(key.value))
          found = { at, message: `The key "${key.value}" stands twice.`, hint: 'Keep one of the two.' };
        if (found) return visit.BREAK;
        keys.add(key.value);
      }
      return undefined;
    },
    Alias(_, { range }) {
      if (++aliases <= aliases_max) return undefined;
      found = {
        at: range?.[0] ?? 0,
        message: `There are more than ${aliases_max} aliases.`,
        hint: 'Write the values out instead of repeating them by aliases.',
      };
      return visit.BREAK;
    },
  });
  return found;
}

function jsonOf(document: Document.Parsed, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: aliases_max });
  } catch (error) {
    throw new AppError('InvalidInput', `${file}: ${(error as Error).message}.`, {
      hint: 'Write the values out instead of repeating them by aliases.',
      cause: error,
    });
  }
}

/** Where the value at this path stands, or its nearest parent. */
function offsetOf(document: Document.Parsed, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}
