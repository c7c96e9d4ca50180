/** `mainstay servers update-agents --label role=web --label region=eu`: labels one by one, as they are set. */
import { AppError } from '@mainstay/contract/errors';
import { Option } from 'commander';
import { runChange } from '../change/run-change.ts';
import type { OwnCommand } from '../own-command.ts';
import { labelInput } from './server-label.ts';

export const updateAgentsCommand: OwnCommand = {
  hidden: ['labels'],
  options: (command) =>
    void command.addOption(
      new Option('--label <key=value>', 'only servers that have this label; may be given several times').argParser(
        (value: string, before: string[] | undefined) => [...(before ?? []), value],
      ),
    ),
  run({ cli, connection, input, options }) {
    const words = (options['label'] as string[] | undefined) ?? [];
    const { set, remove } = labelInput(words);
    if (remove) {
      throw new AppError('InvalidInput', `"--label ${remove[0]}-" is no label that a server may have.`, {
        field: 'label',
        hint: 'Write --label role=web.',
      });
    }
    const labels = { ...(input['labels'] as Record<string, string> | undefined), ...set };
    const chosen = Object.keys(labels).length > 0 ? { labels } : {};
    return runChange(cli, connection, 'servers.update_agents', { ...input, ...chosen }, options, () => {});
  },
};
