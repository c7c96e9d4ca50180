/** Servers: the machines with an agent. A server runs one stack; a stack runs on any number of servers. */
import * as z from 'zod';
import { AgentState, ServerFacts } from '../agent-api.ts';
import { change, read } from '../operation.ts';
import { EnvironmentName, Labels } from '../server-labels.ts';
import { SecuritySettings, TunnelSettings } from '../server-state.ts';
import { SecurityMode, ServerName, StackName } from '../stack.ts';

export const ServerView = z
  .object({
    id: z.string(),
    name: ServerName,
    state: z.enum(['invited', 'online', 'offline']),
    stack: z.string().nullable(),
    labels: Labels.describe('What people say of it; policies match it.'),
    environment: z.string().nullable(),
    agent_version: z.string().nullable(),
    updatable: z
      .boolean()
      .describe(
        'Its agent can be updated from here; not one that came as a package or with `mainstay up`, or never reported.',
      ),
    os: z.string().nullable(),
    arch: z.string().nullable(),
    cpus: z.int().nullable(),
    supervisor: ServerFacts.shape.supervisor.nullable().describe('What starts and watches the services on it.'),
    security_mode: SecurityMode.nullable().describe('Of its stack; null while it has none, or none that was deployed.'),
    services: z
      .object({ total: z.int(), running: z.int() })
      .describe('Of the services that it last reported, how many there are and how many run.'),
    usage: z
      .object({
        cpu_fraction: z.number().nullable().describe('Share of all cores.'),
        load1: z.number(),
        memory_used_bytes: z.int(),
        memory_total_bytes: z.int(),
        disk_used_bytes: z.int(),
        disk_total_bytes: z.int(),
      })
      .nullable()
      .describe('How busy it was at `last_seen_at`; null before the first report.'),
    version: z.int().nullable().describe('The desired state that it accepted.'),
    converged: z
      .boolean()
      .describe('It runs the version that is in force: the newest, or the one before it where that failed.'),
    chosen_by: Labels.nullable().describe('Labels by which its stack chose it; null where it was given the stack.'),
    next_moves: z
      .array(z.object({ stack: z.string(), move: z.enum(['joins', 'leaves']), why: z.string() }))
      .describe('What the next deployment of stacks that choose their servers would change, by its labels now.'),
    drained: z.boolean().describe('Its services are stopped, or are to be, until it is undrained.'),
    problems: z.array(z.string()),
    last_seen_at: z.int().nullable(),
    enrolled_at: z.int().nullable(),
  })
  .meta({ id: 'Server' });
export type ServerView = z.infer<typeof ServerView>;

export const listServers = read({
  id: 'servers.list',
  summary: 'List the servers and how they are',
  permission: 'servers:read',
  http: { method: 'GET', path: '/servers' },
  cli: { command: ['servers', 'list'] },
  input: {},
  output: z.object({
    servers: z.array(ServerView),
    agent_release: z.string().nullable().describe('Version of the agent that is handed out here; null where none is.'),
  }),
});

export const getServer = read({
  id: 'servers.get',
  summary: 'Show one server, with all that its agent last reported',
  permission: 'servers:read',
  http: { method: 'GET', path: '/servers/{server}' },
  cli: { command: ['servers', 'get'], args: ['server'] },
  input: { server: ServerName },
  output: z.object({ server: ServerView, reported: AgentState.nullable() }),
  errors: ['NotFound'],
});

export const inviteServer = change({
  id: 'servers.invite',
  summary: 'Make a one-time token with which a new server enrols',
  permission: 'servers:write',
  http: { method: 'POST', path: '/servers' },
  cli: { command: ['servers', 'invite'], args: ['server'] },
  input: {
    server: ServerName,
    stack: StackName.optional().describe('The stack that it is to run.'),
    expires_seconds: z.int().min(60).max(604_800).default(3_600),
    labels: Labels.optional().describe('Labels that it is to have; left out, those that it has.'),
    environment: EnvironmentName.optional().describe('What environment it is, such as `production`.'),
  },
  result: z.object({
    token: z.string().nullable().describe('Shown once; null when a request is repeated with the same idempotency key.'),
    expires_at: z.int(),
    install: z
      .string()
      .nullable()
      .describe(
        'The line to run on the new server; the token stands in it. Null where the panel has no agent to hand out.',
      ),
  }),
  errors: ['NotFound', 'Conflict'],
});

export const assignServer = change({
  id: 'servers.assign',
  summary: 'Give a server a stack to run',
  permission: 'servers:write',
  http: { method: 'PUT', path: '/servers/{server}/stack' },
  cli: { command: ['servers', 'assign'], args: ['server', 'stack'] },
  input: { server: ServerName, stack: StackName },
  errors: ['NotFound', 'Conflict'],
});

export const drainServer = change({
  id: 'servers.drain',
  summary: 'Drain a server: its services finish what is open and stop, until it is undrained',
  description:
    'Data and releases stay on it. It is left out of rollouts and of the health of its stack; what is deployed meanwhile comes up when it is undrained.',
  permission: 'servers:write',
  http: { method: 'POST', path: '/servers/{server}/drain' },
  cli: { command: ['servers', 'drain'], args: ['server'] },
  input: { server: ServerName },
  errors: ['NotFound', 'Conflict'],
});

export const undrainServer = change({
  id: 'servers.undrain',
  summary: 'Have a drained server run its stack again',
  description: 'It ends when all its services run. When one does not come up, the server is drained again.',
  permission: 'servers:write',
  http: { method: 'POST', path: '/servers/{server}/undrain' },
  cli: { command: ['servers', 'undrain'], args: ['server'] },
  input: { server: ServerName },
  errors: ['NotFound', 'Conflict'],
});

export const removeServer = change({
  id: 'servers.remove',
  summary: 'Forget a server: its credential ends',
  description:
    'A server that runs services must be drained first, unless they are to be left running. Its agent is told, and calls no more. Its data stays on it: `mainstay-agent uninstall` there takes all away.',
  permission: 'servers:write',
  effect: 'destroy',
  http: { method: 'DELETE', path: '/servers/{server}' },
  cli: { command: ['servers', 'remove'], args: ['server'] },
  input: {
    server: ServerName,
    leave_running: z
      .boolean()
      .optional()
      .describe('Its services run on, and nobody is told of them any more; otherwise it must be drained first.'),
  },
  errors: ['NotFound', 'Conflict'],
});

export const setServerFirewall = change({
  id: 'servers.firewall_set',
  summary: 'Set the security mode of a server: what of it can be reached from outside',
  description:
    'The server reverts it by itself unless it reaches the control plane afterwards. SSH sessions that are open are not cut unless `cut_ssh` says so.',
  permission: 'servers:write',
  http: { method: 'PUT', path: '/servers/{server}/security' },
  cli: { command: ['servers', 'secure'], args: ['server', 'mode'] },
  input: {
    server: ServerName,
    mode: SecurityMode,
    ssh_from: SecuritySettings.shape.ssh_from
      .removeDefault()
      .optional()
      .describe('Networks from which SSH stays open; left out: as it is.'),
    firewall: SecuritySettings.shape.firewall.removeDefault().optional().describe('Left out: as it is.'),
    cut_ssh: z.boolean().default(false).describe('Open SSH sessions from elsewhere may be cut.'),
  },
  errors: ['NotFound', 'Conflict'],
});

export const setServerTunnel = change({
  id: 'servers.tunnel_set',
  summary: 'Connect a server to the outside by a tunnel, which the server dials itself',
  description:
    'The server runs the program of the tunnel, which must be installed there, beside the one that it has until the new one is connected. It is reached through it in every security mode.',
  permission: 'servers:write',
  http: { method: 'PUT', path: '/servers/{server}/tunnel' },
  cli: { command: ['servers', 'set-tunnel'], args: ['server'] },
  input: {
    server: ServerName,
    kind: TunnelSettings.shape.kind.default('cloudflared'),
    token: z
      .string()
      .min(1)
      .max(4_096)
      .regex(/^[\x21-\x7e]+$/, 'must be the token alone, without blanks or line breaks')
      .meta({ writeOnly: true, description: 'Token of the tunnel, as its provider gives it.' }),
  },
  errors: ['NotFound', 'Conflict'],
});

export const removeServerTunnel = change({
  id: 'servers.tunnel_remove',
  summary: 'Take the tunnel of a server down',
  permission: 'servers:write',
  http: { method: 'DELETE', path: '/servers/{server}/tunnel' },
  cli: { command: ['servers', 'remove-tunnel'], args: ['server'] },
  input: { server: ServerName },
  errors: ['NotFound', 'Conflict'],
});

/** The release that whoever updates agents expects to be handed out. */
export const ExpectedRelease = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .describe('The version that is expected; refused when the release is another. Left out: whichever it is.');

export const updateServerAgent = change({
  id: 'servers.update_agent',
  summary: 'Update the agent of a server to the release that this installation hands out',
  description:
    'The agent fetches and verifies it, exchanges itself, and has to reach the control plane within a minute; otherwise the one before comes back by itself. Services run on all the while.',
  permission: 'servers:write',
  http: { method: 'PUT', path: '/servers/{server}/agent' },
  cli: { command: ['servers', 'update-agent'], args: ['server'] },
  input: {
    server: ServerName,
    version: ExpectedRelease,
  },
  errors: ['NotFound', 'Conflict'],
});
