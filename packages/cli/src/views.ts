/**
 * How the answers of reads look to people: a table for lists, names and values for the rest. An operation without a view
 * of its own is shown by the shape of its answer, so that a new one is readable at once.
 */
import type { OperationById, OperationId } from '@mainstay/contract/operations/index';
import type * as z from 'zod';
import { sessionLines, tokenLines, userLines } from './access-views.ts';
import { auditLines } from './audit-views.ts';
import { eventLine } from './change/progress.ts';
import { diagnosisLines } from './diagnosis-view.ts';
import { ledgerLines, personKeyLines, policyLines, signingKeyLines } from './keeper-views.ts';
import { operationDetails, operationLines } from './operation-views.ts';
import { runDetails, runEventLine, runLines, taskLines } from './run-views.ts';
import { sourceProposalLines, sourceRefLines } from './source-views.ts';
import { detailLines } from './terminal/details.ts';
import type { Paint } from './terminal/paint.ts';
import { safeLogLine, safeText } from './terminal/text.ts';
import { agoText, bytesText, dateTimeText, durationText } from './terminal/time.ts';
import { serverUsageLines, serviceUsageLines } from './usage-view.ts';
import { coloured, remark, table, type ViewOptions } from './view-parts.ts';

export type { ViewOptions };

type OutputOfId<Id extends OperationId> = z.output<OperationById[Id]['output']>;
type View<Id extends OperationId> = (output: OutputOfId<Id>, options: ViewOptions) => string[];

const views: { [Id in OperationId]?: View<Id> } = {
  'stacks.list': ({ stacks }, options) => stackLines(stacks, options),
  'stacks.export': ({ yaml }) => [yaml.trimEnd()],
  'stacks.versions': ({ versions }, options) =>
    table(
      [
        { title: 'VERSION', align: 'right' },
        { title: 'STATE' },
        { title: 'WHAT', flexible: true },
        { title: 'BY' },
        { title: 'WHEN' },
        { title: 'OPERATION' },
      ],
      versions.map((version) => [
        version.version,
        coloured(version.state),
        version.summary,
        version.actor,
        agoText(version.created_at, options.now),
        version.operation_id,
      ]),
      options,
      'No versions yet.',
    ),
  'services.list': ({ services }, options) => serviceLines(services, options),
  'services.usage': serviceUsageLines,
  'sources.refs': sourceRefLines,
  'sources.inspect': sourceProposalLines,
  'servers.list': ({ servers }, options) => serverLines(servers, options),
  'servers.usage': serverUsageLines,
  'servers.diagnose': diagnosisLines,
  'audit.list': auditLines,
  'secrets.list': ({ secrets }, options) =>
    table(
      [
        { title: 'NAME' },
        { title: 'USED BY', flexible: true },
        { title: 'REVISION', align: 'right' },
        { title: 'UPDATED' },
      ],
      secrets.map((secret) => [
        secret.name,
        secret.used_by.join(', ') || '–',
        secret.revision,
        agoText(secret.updated_at, options.now),
      ]),
      options,
      'No secrets.',
    ),
  'credentials.list': ({ credentials }, options) =>
    table(
      [
        { title: 'NAME' },
        { title: 'KIND' },
        { title: 'USER' },
        { title: 'USED BY', flexible: true },
        { title: 'UPDATED' },
        { title: 'PUBLIC KEY' },
      ],
      credentials.map((credential) => [
        credential.name,
        credential.kind.replace('_', ' '),
        credential.username,
        credential.used_by.join(', ') || '–',
        agoText(credential.updated_at, options.now),
        credential.public_key,
      ]),
      // A public key is there to be copied, so that nothing is cut.
      { ...options, width: null },
      'No Git credentials.',
    ),
  'access.list_users': userLines,
  'access.list_sessions': sessionLines,
  'access.list_tokens': tokenLines,
  'events.list': ({ events }, options) =>
    events.length === 0 ? ['No events.'] : events.map((event) => eventLine(event, options.paint, dateTimeText)),
  'logs.list': ({ lines }, options) => lines.map((line) => logLine(line, options)),
  'operations.list': operationLines,
  'operations.get': operationDetails,
  'operations.collect': ({ result }, options) =>
    result === null ? ['It has no result.'] : detailLines(result, options),
  'keys.list': personKeyLines,
  'policies.get': policyLines,
  'keeper.keys': signingKeyLines,
  'keeper.ledger': ledgerLines,
  'runs.list': runLines,
  'runs.get': runDetails,
  'runs.events': ({ events }, options) => events.map((event) => runEventLine(event, options)),
  'runs.tasks': taskLines,
};

/** The lines that show what a read answered. */
export function viewLines(id: OperationId, output: unknown, options: ViewOptions): string[] {
  const view = views[id] as ((output: unknown, options: ViewOptions) => string[]) | undefined;
  return view ? view(output, options) : detailLines(output, options);
}

export function stackLines(stacks: OutputOfId<'stacks.list'>['stacks'], options: ViewOptions): string[] {
  const lines = table(
    [
      { title: 'STACK' },
      { title: 'HEALTH' },
      { title: 'VERSION', align: 'right' },
      { title: 'SERVERS', flexible: true },
      { title: 'SERVICES', flexible: true },
      { title: 'URL' },
      { title: 'UPDATED' },
    ],
    stacks.map((stack) => [
      stack.name,
      coloured(stack.health),
      stack.version === stack.serving_version ? stack.version : `${stack.serving_version ?? '–'} → ${stack.version}`,
      stack.servers.join(', ') || '–',
      stack.services.join(', '),
      stack.url,
      agoText(stack.updated_at, options.now),
    ]),
    options,
    'No stacks yet. `mainstay init` writes a stack file, `mainstay apply` makes the stack.',
  );
  for (const stack of stacks) {
    if (stack.message !== null) lines.push(remark(stack.name, stack.message, options));
    if (stack.paused !== null) {
      const { by, at, reason } = stack.paused;
      const why = reason === null ? '' : `: ${reason}`;
      lines.push(remark(stack.name, `paused by ${by} ${agoText(at, options.now)}${why}`, options));
    }
    for (const [service, reason] of Object.entries(stack.held_services)) {
      lines.push(remark(`${stack.name}/${service}`, `held: ${reason}`, options));
    }
  }
  return lines;
}

export function serverLines(servers: OutputOfId<'servers.list'>['servers'], options: ViewOptions): string[] {
  const lines = table(
    [
      { title: 'SERVER' },
      { title: 'STATE' },
      { title: 'STACK' },
      { title: 'ENVIRONMENT' },
      { title: 'LABELS', flexible: true },
      { title: 'VERSION', align: 'right' },
      { title: 'CONVERGED' },
      { title: 'OS', flexible: true },
      { title: 'AGENT' },
      { title: 'SEEN' },
    ],
    servers.map((server) => [
      server.name,
      server.drained && server.state === 'online' ? { text: 'drained', colour: 'yellow' } : coloured(server.state),
      server.stack ?? '–',
      server.environment ?? '–',
      labelsText(server.labels),
      server.version,
      server.converged ? { text: 'yes', colour: 'green' } : { text: 'no', colour: 'yellow' },
      server.os,
      server.agent_version,
      agoText(server.last_seen_at, options.now),
    ]),
    options,
    'No servers yet. `mainstay servers invite NAME` makes a token with which one enrols.',
  );
  for (const server of servers)
    for (const problem of server.problems) lines.push(remark(server.name, problem, options));
  for (const { name, next_moves } of servers) {
    for (const { stack, move, why } of next_moves) {
      const does = move === 'joins' ? 'comes into' : 'leaves';
      lines.push(remark(name, `${does} stack ${stack} with its next deployment: ${why}`, options));
    }
  }
  return lines;
}

function labelsText(labels: Record<string, string>): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return words.sort().join(' ') || '–';
}

export function serviceLines(services: OutputOfId<'services.list'>['services'], options: ViewOptions): string[] {
  const lines = table(
    [
      { title: 'SERVICE' },
      { title: 'SERVER' },
      { title: 'STATE' },
      { title: 'HEALTH' },
      { title: 'COMMIT' },
      { title: 'RELEASE' },
      { title: 'UP', align: 'right' },
      { title: 'RESTARTS', align: 'right' },
      { title: 'MEMORY', align: 'right' },
      { title: 'URL', flexible: true },
    ],
    services.map((entry) => {
      const { observed } = entry;
      const waits = observed !== null && observed.release_id !== entry.desired_release_id;
      return [
        `${entry.stack}/${entry.service}`,
        entry.server,
        observed === null ? 'unknown' : coloured(entry.server_online ? observed.state : 'offline'),
        observed === null ? '' : coloured(observed.health.state),
        observed?.commit?.slice(0, 8) ?? '–',
        observed?.release_id ? `${observed.release_id.slice(4, 12)}${waits ? ' (old)' : ''}` : '–',
        observed?.since ? durationText(options.now - observed.since) : '',
        observed?.restarts ?? '',
        bytesText(observed?.memory_bytes ?? null),
        observed?.url ?? '',
      ];
    }),
    options,
    'No services.',
  );
  for (const { stack, service, server, observed } of services) {
    const place = `${stack}/${service} on ${server}`;
    if (observed?.candidate) {
      const { stage, commit } = observed.candidate;
      lines.push(`  ${options.paint('cyan', '…')} ${safeText(place)}: candidate ${commit.slice(0, 8)} at ${stage}`);
    }
    const isUnwell = observed !== null && observed.state !== 'running';
    if (isUnwell && observed.health.message !== null) lines.push(remark(place, observed.health.message, options));
    if (observed?.last_failure && observed.last_failure.release_id !== observed.release_id) {
      lines.push(remark(place, `failed at ${observed.last_failure.stage}: ${observed.last_failure.message}`, options));
    }
  }
  return lines;
}

export type LogLineOptions = { paint: Paint; raw?: boolean };

export function logLine(line: OutputOfId<'logs.list'>['lines'][number], { paint, raw }: LogLineOptions): string {
  const place = safeText(`${line.server}/${line.service}`);
  const stream = line.stream === 'stdout' ? '' : ` ${paint(line.stream === 'stderr' ? 'yellow' : 'blue', line.stream)}`;
  return `${paint('dim', dateTimeText(line.at))} ${paint('cyan', place)}${stream} ${raw ? line.text : safeLogLine(line.text)}`;
}
