/** The nouns under which commands stand. */
import type { Command } from 'commander';

/** What a group of commands is about, and what it does when no command of it is named. */
export const groups: Record<string, { summary: string; otherwise: string; alias?: string }> = {
  stacks: { summary: 'Stacks: what servers are to run', otherwise: 'list' },
  services: { summary: 'Services: the workloads, as they are on their servers', otherwise: 'list' },
  sources: { summary: 'Sources: Git repositories, looked at before anything runs from them', otherwise: 'inspect' },
  servers: { summary: 'Servers: the machines with an agent', otherwise: 'list' },
  secrets: { summary: 'Secrets of stacks', otherwise: 'list' },
  credentials: { summary: 'Credentials for private Git repositories', otherwise: 'list' },
  events: { summary: 'Events: what happened', otherwise: 'show' },
  logs: { summary: 'Logs: what services and builds print', otherwise: 'show' },
  users: { summary: 'Users: the people, and what each of them may do', otherwise: 'list' },
  sessions: { summary: 'Sessions: browsers that are signed in', otherwise: 'list' },
  tokens: { summary: 'Tokens: keys of programs that act as you', otherwise: 'list' },
  operations: {
    summary: 'Operations: the changes, what they wait for, and how they ended (in short: ops)',
    otherwise: 'list',
    alias: 'ops',
  },
  policy: { summary: 'Policies: what is approved, denied, or asked of people', otherwise: 'show' },
  keys: { summary: 'Keys: those that prove people, that of this device among them', otherwise: 'list' },
  keeper: { summary: 'The keeper: its signing keys, and the ledger of what it signed', otherwise: 'keys' },
  runs: { summary: 'Runs: how changes are carried out, step by step', otherwise: 'list' },
  schedules: { summary: 'Schedules: what starts runs at times', otherwise: 'list' },
  audit: { summary: 'Audit: who did what, in a chain that can be verified', otherwise: 'log' },
};

/** The command that groups others under a noun, made at its first use. */
export function groupCommand(program: Command, name: string): Command {
  const found = program.commands.find((command) => command.name() === name);
  if (found) return found;
  const { summary = name, alias } = groups[name] ?? {};
  const group = program.command(name).summary(summary).description(summary);
  return alias === undefined ? group : group.alias(alias);
}
