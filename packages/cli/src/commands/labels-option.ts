/** `--label role=web --label region=eu`, where an operation takes labels: one by one, as they are set. */
import { AppError } from '@mainstay/contract/errors';
import { Option } from 'commander';
import type { OwnCommand } from '../own-command.ts';
import { labelInput } from './server-label.ts';

/** @param does What the labels are for, as the help says it. */
export function labelsOption(does: string): OwnCommand {
  return {
    hidden: ['labels'],
    options: (command) =>
      void command.addOption(
        new Option('--label <key=value>', `${does}; may be given several times`).argParser(
          (value: string, before: string[] | undefined) => [...(before ?? []), value],
        ),
      ),
    read(input, options) {
      const { set, remove } = labelInput((options['label'] as string[] | undefined) ?? []);
      if (remove) {
        throw new AppError('InvalidInput', `"--label ${remove[0]}-" is no label that a server may have.`, {
          field: 'label',
          hint: 'Write --label role=web.',
        });
      }
      if (!set) return input;
      return { ...input, labels: { ...(input['labels'] as Record<string, string> | undefined), ...set } };
    },
  };
}
