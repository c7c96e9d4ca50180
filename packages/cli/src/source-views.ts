/** How a repository that was looked at looks to people: what it holds in a table, and below it why. */
import type { OperationById } from '@mainstay/contract/operations/index';
import type { ServiceProposal } from '@mainstay/contract/operations/sources';
import type { Command } from '@mainstay/contract/stack';
import type * as z from 'zod';
import { tableLines } from './terminal/table.ts';
import { safeText } from './terminal/text.ts';
import { agoText } from './terminal/time.ts';
import type { ViewOptions } from './views.ts';

type Refs = z.output<OperationById['sources.refs']['output']>;
type Inspected = z.output<OperationById['sources.inspect']['output']>;

export function sourceRefLines({ default_branch, branches, tags, truncated }: Refs, options: ViewOptions): string[] {
  if (branches.length + tags.length === 0) return ['No branches and no tags: nothing was pushed yet.'];
  const lines = tableLines(
    [{ title: 'REF', flexible: true }, { title: 'KIND' }, { title: 'COMMIT' }],
    [
      ...branches.map(({ name, commit }) => [name, name === default_branch ? 'default branch' : 'branch', commit]),
      ...tags.map(({ name, commit }) => [name, 'tag', commit]),
    ],
    options,
  );
  return truncated ? [...lines, 'There are more than are listed.'] : lines;
}

export function sourceProposalLines(seen: Inspected, options: ViewOptions): string[] {
  const { paint } = options;
  const subject = `${seen.commit_subject} (${seen.commit_author}, ${agoText(seen.commit_at, options.now)})`;
  const lines = [`${safeText(seen.ref)} at ${seen.commit.slice(0, 8)}: ${safeText(subject)}`];
  if (seen.stack_file) lines.push(stackFileLine(seen.stack_file));
  if (seen.proposals.length > 0) {
    const rows = seen.proposals.map((proposal) => [
      proposal.name,
      proposal.root ?? '.',
      proposal.title,
      commandText(proposal.build?.value),
      commandText(proposal.run?.value),
      proposal.port.value ?? '$PORT',
      proposal.health.value ?? 'tcp',
      proposal.route?.prefix ?? '–',
    ]);
    const titles = ['SERVICE', 'FOLDER', 'WHAT', 'BUILD', 'RUN', 'PORT', 'HEALTH', 'ROUTE'];
    const columns = titles.map((title) => ({ title, flexible: ['WHAT', 'BUILD', 'RUN'].includes(title) }));
    lines.push('', ...tableLines(columns, rows, options));
  }
  for (const proposal of seen.proposals) {
    lines.push('', paint('cyan', safeText(proposal.name)));
    for (const [name, reason] of reasonsOf(proposal)) lines.push(`  ${paint('dim', `${name}:`)} ${safeText(reason)}`);
    for (const note of proposal.notes) lines.push(`  ${paint('yellow', '!')} ${safeText(note)}`);
  }
  if (seen.notes.length > 0) lines.push('', ...seen.notes.map((note) => `${paint('yellow', '!')} ${safeText(note)}`));
  return lines;
}

function stackFileLine({ path, stack, error }: NonNullable<Inspected['stack_file']>): string {
  const said = error === null ? `It is a stack file of stack ${stack}.` : `It is not acceptable: ${error}`;
  return safeText(`The repository holds ${path}. ${said}`);
}

function reasonsOf({ build, run, port, health, route, env }: ServiceProposal): [string, string][] {
  const variables = env.map(
    ({ name, secret, reason }) => [secret ? `secret ${name}` : name, reason] as [string, string],
  );
  return [
    ['build', build?.reason ?? 'Nothing is to be built.'],
    ['run', run?.reason ?? 'Nothing was found that starts it.'],
    ['port', port.reason],
    ['health', health.reason],
    ...(route ? ([['route', route.reason]] as [string, string][]) : []),
    ...variables,
  ];
}

/** A text as it is; a list with quotes around what has spaces, for reading only. */
function commandText(command: Command | undefined): string {
  if (command === undefined) return '–';
  if (typeof command === 'string') return command;
  return command.map((part) => (/^[\w@%+=:,./$-]+$/.test(part) ? part : JSON.stringify(part))).join(' ');
}
