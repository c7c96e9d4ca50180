/**
 * Stack files on disk: read, checked against the contract, and with every error pointed at the line that it is about.
 * The control plane checks all of it again; here it is for a person to know before anything is sent.
 */
import { resolve } from 'node:path';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { StackFile, type StackSpecInput } from '@mainstay/contract/stack';
import type * as z from 'zod';
import { readTextFile } from '../secret-input.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { fieldNamesAt, nearest } from './suggest.ts';
import { readYaml, type YamlDocument, yamlLimits } from './yaml-document.ts';

export const stack_file_default = 'mainstay.yaml';

export type LoadedStack = {
  stack: string;
  /** As it was written, without what defaults add. */
  spec: StackSpecInput;
  /** Points an error of the control plane about this stack at the line of the file. */
  locate(error: AppError): AppError;
};

/** Reads a file of one or more stacks (`---` between them); `-` is the standard input. */
export async function loadStackFile(file: string, terminal: Terminal): Promise<LoadedStack[]> {
  const text =
    file === '-'
      ? await terminal.readInput(yamlLimits.bytes_max)
      : readTextFile(resolve(terminal.cwd, file), yamlLimits.bytes_max, 'file');
  return parseStackFile(text, file === '-' ? 'stdin' : file);
}

export function parseStackFile(text: string, file: string): LoadedStack[] {
  const documents = readYaml(text, file).filter((document) => document.value !== null);
  if (documents.length === 0) {
    throw new AppError('InvalidInput', `${file} holds no stack.`, {
      hint: '`mainstay init` writes one to begin with.',
    });
  }
  const loaded = documents.map((document) => loadDocument(document, file));
  const names = loaded.map(({ stack }) => stack);
  const twin = names.findIndex((name, at) => names.indexOf(name) !== at);
  if (twin < 0) return loaded;
  throw located(
    new AppError('InvalidInput', `the stack "${names[twin]}" stands in the file twice`, { field: 'stack' }),
    documents[twin]!,
    file,
    ['stack'],
  );
}

function loadDocument(document: YamlDocument, file: string): LoadedStack {
  const parsed = StackFile.safeParse(document.value);
  if (!parsed.success) throw schemaError(parsed.error, document, file);
  const { stack, ...spec } = document.value as { stack: string } & StackSpecInput;
  return {
    stack,
    spec,
    locate(error) {
      if (error.field === undefined || !/^(spec|stack)(\.|$)/.test(error.field)) return error;
      const field = error.field.replace(/^spec\.?/, '');
      return located(error, document, file, field === '' ? [] : field.split('.'));
    },
  };
}

function schemaError(error: z.ZodError, document: YamlDocument, file: string): AppError {
  const plain = invalidInput(error);
  const issue = error.issues[0];
  if (issue?.code !== 'unrecognized_keys') {
    return located(plain, document, file, issue?.path ?? [], issue?.code === 'invalid_key' ? 'key' : 'value');
  }
  const key = issue.keys[0] ?? '';
  const names = fieldNamesAt(issue.path);
  const meant = nearest(key, names);
  const hint = meant ? `Did you mean "${meant}"?` : `Known here: ${names.join(', ')}.`;
  const hinted = new AppError('InvalidInput', plain.message, { field: plain.field, hint });
  return located(hinted, document, file, [...issue.path, key], 'key');
}

function located(
  error: AppError,
  document: YamlDocument,
  file: string,
  path: readonly PropertyKey[],
  at: 'key' | 'value' = 'value',
): AppError {
  const { line, column } = document.positionOf(path, at);
  return new AppError(error.code, `${file}:${line}:${column}: ${error.message}`, {
    field: error.field,
    hint: error.hint,
    correlation_id: error.correlation_id,
    cause: error,
  });
}
