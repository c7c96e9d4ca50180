/** What happened and what was printed: events, logs, operations. Lists can be waited on, which is how they are followed. */
import * as z from 'zod';
import { EventKind, LogStream, Severity } from '../agent-api.ts';
import { idSchema } from '../ids.ts';
import { JsonValue, OperationView, read } from '../operation.ts';
import { ServiceName, StackName } from '../stack.ts';

const wait_seconds = z
  .number()
  .min(0)
  .max(30)
  .default(0)
  .describe('Wait up to this long for something new before an empty answer.');

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
    'Without `after`, the newest `limit` events. With it, those after that cursor: repeat with `next` to follow.',
  permission: 'events:read',
  http: { method: 'GET', path: '/events' },
  cli: { command: ['events', 'list'] },
  input: {
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(1_000).default(100),
    wait_seconds,
    stack: StackName.optional(),
    server: z.string().max(64).optional(),
    service: ServiceName.optional(),
    operation_id: idSchema('operation').optional(),
    severity: Severity.optional().describe('This severity and those above.'),
  },
  output: z.object({ events: z.array(EventView), next: z.int() }),
});

export const LogLineView = z
  .object({
    cursor: z.int(),
    at: z.int(),
    server: z.string(),
    service: z.string(),
    release_id: z.string(),
    stream: LogStream,
    text: z.string(),
  })
  .meta({ id: 'LogLine' });
export type LogLineView = z.infer<typeof LogLineView>;

export const listLogs = read({
  id: 'logs.list',
  summary: 'Show log lines of a service, oldest first',
  description:
    'Without `after`, the newest `limit` lines. With it, those after that cursor: repeat with `next` to follow.',
  permission: 'logs:read',
  http: { method: 'GET', path: '/stacks/{stack}/logs' },
  cli: { command: ['logs', 'list'], args: ['stack'] },
  input: {
    stack: StackName,
    service: ServiceName.optional(),
    server: z.string().max(64).optional(),
    release_id: z.string().max(64).optional(),
    stream: LogStream.optional(),
    search: z.string().max(256).optional().describe('Only lines that hold this text, letter case aside.'),
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(5_000).default(200),
    wait_seconds,
  },
  output: z.object({ lines: z.array(LogLineView), next: z.int() }),
  errors: ['NotFound'],
});

export const listOperations = read({
  id: 'operations.list',
  summary: 'List operations, newest first',
  permission: 'operations:read',
  http: { method: 'GET', path: '/operations' },
  cli: { command: ['operations', 'list'] },
  input: { stack: StackName.optional(), limit: z.int().min(1).max(200).default(50) },
  output: z.object({ operations: z.array(OperationView) }),
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
