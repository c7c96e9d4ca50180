/** YAML (and so JSON) documents that are checked against a schema, with every error pointed at the line that it is about. */
import { AppError, invalidInput } from '@mainstay/contract/errors';
import type * as z from 'zod';
import { readYaml } from './stack-file/yaml-document.ts';

/** The one document of a text. @throws AppError InvalidInput, naming file, line and field. */
export function readChecked<S extends z.ZodType>(schema: S, text: string, file: string, hint: string): z.output<S> {
  const [document, second] = readYaml(text, file);
  if (!document || second) {
    throw new AppError('InvalidInput', `${file} must hold one document; it holds ${second ? 'more' : 'none'}.`, {
      hint,
    });
  }
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return parsed.data;
  const plain = invalidInput(parsed.error);
  const issue = parsed.error.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])];
  const { line, column } = document.positionOf(path, unknown === undefined ? 'value' : 'key');
  throw new AppError('InvalidInput', `${file}:${line}:${column}: ${plain.message}`, {
    field: plain.field,
    hint: plain.hint ?? hint,
    cause: plain,
  });
}
