/** `mainstay servers label NAME key=value key-`: labels as kubectl has them, one word each. */
import { AppError } from '@mainstay/contract/errors';
import { runChange } from '../change/run-change.ts';
import type { OwnCommand } from '../own-command.ts';

export const labelServerCommand: OwnCommand = {
  hidden: ['set', 'remove'],
  options: (command) => void command.argument('[labels...]', 'key=value sets a label, key- takes it away'),
  run({ cli, connection, input, options, more }) {
    const words = (more[0] ?? []) as string[];
    return runChange(cli, connection, 'servers.label', { ...input, ...labelInput(words, input) }, options, () => {});
  },
};

type LabelInput = { set?: Record<string, string>; remove?: string[] };

/** @throws AppError InvalidInput for a word that is neither `key=value` nor `key-`, or a key that is named twice. */
export function labelInput(words: readonly string[], given: LabelInput = {}): LabelInput {
  const set = new Map(Object.entries(given.set ?? {}));
  const remove = new Set(given.remove);
  const seen = new Set<string>();
  for (const word of words) {
    const at = word.indexOf('=');
    const key = at < 0 ? word.slice(0, -1) : word.slice(0, at);
    if (key === '' || (at < 0 && !word.endsWith('-')) || seen.has(key)) {
      const why = seen.has(key) ? `names "${key}" a second time` : 'is no label';
      throw new AppError('InvalidInput', `"${word}" ${why}.`, {
        field: 'labels',
        hint: 'Write tier=production to set a label, and tier- to take it away.',
      });
    }
    seen.add(key);
    if (at < 0) remove.add(key);
    else set.set(key, word.slice(at + 1));
  }
  return {
    ...(set.size > 0 ? { set: Object.fromEntries(set) } : {}),
    ...(remove.size > 0 ? { remove: [...remove] } : {}),
  };
}
