/** `mainstay users sign-in-link NAME`: what `mainstay sign-in-link NAME` does, where one looks for it. */
import { operations } from '@mainstay/contract/operations/index';
import type { Registration } from '../cli.ts';
import { groupCommand } from '../command-groups.ts';
import { addOperation } from '../operation-command.ts';

export const registerUsers: Registration = (program, cli) => {
  const command = groupCommand(program, 'users').command('sign-in-link');
  addOperation(command, cli, operations['access.create_sign_in_link']);
};
