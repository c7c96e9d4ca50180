/** What happened and what was printed: events, logs, operations. Lists can be waited on, which is how they are followed. */
import * as z from 'zod';
import { EventKind, eventKinds, LogStream, Severity } from '../agent-api.ts';
import { idSchema } from '../ids.ts';
import { logLevels } from '../log-level.ts';
import { JsonValue, OperationState, OperationView, read } from '../operation.ts';
import { ServiceName, StackName } from '../stack.ts';

const wait_seconds = z
  .number()
  .min(0)
  .max(30)
  .default(0)
  .describe('Wait up to this long for something new before an empty answer.');

const from = z.int().min(0).optional().describe('Not before this time, UTC milliseconds.');
const to = z.int().min(0).optional().describe('Not after this time, UTC milliseconds.');

/** A kind of event, or the beginning of some with its dot, such as `build.`. */
const EventKindFilter = z
  .string()
  .max(64)
  .refine((name) => kindsOf([name]).length > 0, 'must be a kind of event, or the beginning of some, such as `build.`');

/** The kinds that these filters name. */
export function kindsOf(filters: readonly string[]): EventKind[] {
  const fits = (kind: string) => filters.some((name) => (name.endsWith('.') ? kind.startsWith(name) : kind === name));
  return eventKinds.filter(fits);
}

export const EventView = z
  .object({
    cursor: z.int(),
    id: z.string(),
    at: z.int(),
    kind: EventKind,
    severity: Severity,
    message: z.string(),
    actor: z.string().nullable(),
    stack: z.string().nullable(),
    server: z.string().nullable(),
    service: z.string().nullable(),
    release_id: z.string().nullable(),
    operation_id: z.string().nullable(),
    data: z.record(z.string(), JsonValue).nullable(),
  })
  .meta({ id: 'Event' });
export type EventView = z.infer<typeof EventView>;

export const listEvents = read({
  id: 'events.list',
  summary: 'List events, oldest first',
  description:
    'Without `after`, the newest `limit` events. With it, those after that cursor: repeat with `next` to follow. With `before`, the `limit` events before that cursor: repeat with the cursor of the first one to page backwards.',
  permission: 'events:read',
  http: { method: 'GET', path: '/events' },
  cli: { command: ['events', 'list'] },
  input: {
    after: z.int().min(0).optional(),
    before: z.int().min(1).optional(),
    limit: z.int().min(1).max(1_000).default(100),
    wait_seconds,
    kind: z
      .array(EventKindFilter)
      .min(1)
      .max(50)
      .optional()
      .describe('Kinds such as `build.failed`, or beginnings of kinds such as `build.`.'),
    severity: Severity.optional().describe('This severity and those above.'),
    stack: StackName.optional(),
    server: z.string().max(64).optional(),
    service: ServiceName.optional(),
    actor: z.string().max(64).optional().describe('Name of who caused it.'),
    operation_id: idSchema('operation').optional(),
    search: z.string().max(256).optional().describe('Only events whose message holds this text, letter case aside.'),
    from,
    to,
  },
  output: z.object({
    events: z.array(EventView),
    next: z.int(),
    more: z.boolean().describe('More fit than `limit`: older ones, or with `after` newer ones.'),
  }),
});

export const LogLevel = z.enum(logLevels);

export const LogLineView = z
  .object({
    cursor: z.int(),
    at: z.int(),
    server: z.string(),
    service: z.string(),
    release_id: z.string(),
    stream: LogStream,
    level: LogLevel.nullable().describe('As the line itself says it; null when it says none.'),
    text: z.string(),
  })
  .meta({ id: 'LogLine' });
export type LogLineView = z.infer<typeof LogLineView>;

/** Which lines are meant; the same for the list and for the download. */
const logFilter = {
  stack: StackName,
  service: ServiceName.optional(),
  server: z.string().max(64).optional(),
  release_id: z.string().max(64).optional(),
  stream: LogStream.optional(),
  level: LogLevel.optional().describe('This level and those above; lines that say none are left out.'),
  search: z.string().max(256).optional().describe('Only lines that hold this text, letter case aside.'),
  from,
  to,
} as const;

/** Query of GET /api/v1/stacks/{stack}/logs/download, which answers with text and so is no operation. */
export const LogDownload = z.strictObject(logFilter);

export const listLogs = read({
  id: 'logs.list',
  summary: 'Show log lines of a service, oldest first',
  description:
    'Without `after`, `before` and `around`, the newest `limit` lines. With `after`, those after that cursor: repeat with `next` to follow. With `before`, those before that cursor: repeat with `previous` to page backwards. With `around`, half of them before that cursor, and half from it on. A search through very many lines may end with fewer than `limit`: `more_before` or `more_after` says so, and `previous` or `next` goes on. All lines as one text: GET /api/v1/stacks/{stack}/logs/download.',
  permission: 'logs:read',
  http: { method: 'GET', path: '/stacks/{stack}/logs' },
  cli: { command: ['logs', 'list'], args: ['stack'] },
  input: {
    ...logFilter,
    after: z.int().min(0).optional(),
    before: z.int().min(1).optional(),
    around: z.int().min(1).optional(),
    limit: z.int().min(1).max(5_000).default(200),
    wait_seconds,
  },
  output: z.object({
    lines: z.array(LogLineView),
    next: z.int().describe('Cursor to give as `after` for what comes next.'),
    previous: z.int().describe('Cursor to give as `before` for what was before.'),
    more_before: z.boolean().describe('There may be lines before these that fit.'),
    more_after: z.boolean().describe('There may be lines after these that fit.'),
  }),
  errors: ['NotFound'],
});

export const listOperations = read({
  id: 'operations.list',
  summary: 'List operations, newest first',
  description: 'With `before`, those older than that operation: repeat with the id of the last one to page backwards.',
  permission: 'operations:read',
  http: { method: 'GET', path: '/operations' },
  cli: { command: ['operations', 'list'] },
  input: {
    stack: StackName.optional(),
    state: z.array(OperationState).min(1).max(8).optional(),
    operation: z
      .string()
      .max(64)
      .regex(/^[a-z_]+\.[a-z_]*$/, 'must be the id of an operation, or its beginning, such as `stacks.`')
      .optional()
      .describe(
        'Id of an operation in the contract such as `stacks.deploy`, or the beginning of some such as `stacks.`.',
      ),
    before: idSchema('operation').optional(),
    limit: z.int().min(1).max(200).default(50),
  },
  output: z.object({
    operations: z.array(OperationView),
    more: z.boolean().describe('There are older ones that fit.'),
  }),
});

export const getOperation = read({
  id: 'operations.get',
  summary: 'Show one operation; wait for its end if asked to',
  permission: 'operations:read',
  http: { method: 'GET', path: '/operations/{id}' },
  cli: { command: ['operations', 'get'], args: ['id'] },
  input: {
    id: idSchema('operation'),
    wait_seconds: wait_seconds.describe('Answer when it has ended, at the latest after this long.'),
  },
  output: z.object({ operation: OperationView }),
  errors: ['NotFound'],
});
