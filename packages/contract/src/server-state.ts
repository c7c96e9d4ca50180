/**
 * The state of one server that is wanted apart from what its stack says: its security mode, its tunnel, the agent's own version, and
 * whether it is drained. One document per server and version, signed by the keeper as a desired state is; an agent takes a higher version
 * only. Version 0 is what the person who installed the agent chose on the machine itself, and is not signed.
 */
import * as z from 'zod';
import { digestOf } from './canonical.ts';
import { Digest } from './desired-state.ts';
import { idSchema } from './ids.ts';
import { SecurityMode } from './stack.ts';

const octet = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const ipv4Cidr = new RegExp(`^${octet}(\\.${octet}){3}/(3[0-2]|[12]?[0-9])$`);

function isCidr(text: string): boolean {
  if (ipv4Cidr.test(text)) return true;
  const match = /^([0-9a-fA-F:.]{2,45})\/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$/.exec(text);
  return match?.[1]?.includes(':') === true && URL.canParse(`http://[${match[1]}]/`);
}

/** A network (RFC 4632 §3.1; RFC 4291 §2.3): `203.0.113.0/24`, `2001:db8::/32`. One address is `/32`, or `/128`. */
export const Cidr = z
  .string()
  .max(49)
  .refine(isCidr, 'must be a network such as 203.0.113.7/32, 10.0.0.0/8 or 2001:db8::/32');

export const SecuritySettings = z.strictObject({
  mode: SecurityMode,
  ssh_from: z
    .array(Cidr)
    .max(64)
    .default([])
    .describe('Networks from which SSH stays open; none: SSH is closed as all else is.'),
  firewall: z
    .enum(['auto', 'nftables', 'ufw'])
    .default('auto')
    .describe('What the rules are written with; auto: UFW where it is active, else nftables.'),
  cut_ssh: z
    .boolean()
    .default(false)
    .describe('SSH sessions that are open from elsewhere may be cut; otherwise such a change is refused.'),
});
export type SecuritySettings = z.infer<typeof SecuritySettings>;

/** A tunnel to the outside; `token` is the commitment to its secret token, which the agent asks for as for any secret. */
export const TunnelSettings = z.strictObject({ kind: z.literal('cloudflared'), token: Digest });
export type TunnelSettings = z.infer<typeof TunnelSettings>;

export const ServerState = z
  .strictObject({
    schema: z.literal(1),
    server_id: idSchema('server'),
    version: z.int().min(1),
    security: SecuritySettings,
    tunnel: TunnelSettings.nullable(),
    /** The release of the agent that is wanted, by the digest of its signed manifest; null: whichever is there. */
    agent: z.strictObject({ version: z.string().max(64), manifest_sha256: Digest }).nullable(),
    /** Its services are stopped and its data kept, until it is undrained. */
    drained: z.boolean(),
  })
  .meta({ id: 'ServerState' });
export type ServerState = z.infer<typeof ServerState>;

/** What the grant is over. */
export async function serverStateDigest(document: ServerState): Promise<string> {
  return digestOf(document);
}

/** What the plan names: what the document says, apart from which version it is. */
export async function serverContentDigest(document: ServerState): Promise<string> {
  const { version: _, ...content } = document;
  return digestOf(content);
}

/** Servers that one decision may be about. */
export const server_states_max = 1_000;

/** What the grant for the states of many servers is over: which server, which version, which digest. In the order in which they are given. */
export async function serverStatesDigest(documents: readonly ServerState[]): Promise<string> {
  const list = documents.map(async (document) => {
    const { server_id, version } = document;
    return { server_id, version, sha256: await serverStateDigest(document) };
  });
  return digestOf(await Promise.all(list));
}

/** What became of a server state on its server. */
export const ServerReceipt = z
  .object({
    version: z.int().min(0),
    sha256: Digest.nullable().describe('Null for version 0.'),
    operation_id: idSchema('operation').nullable(),
    state: z.enum(['running', 'succeeded', 'failed']),
    message: z.string().max(4_000).nullable(),
    hint: z.string().max(1_000).nullable(),
    started_at: z.int(),
    finished_at: z.int().nullable(),
  })
  .meta({ id: 'ServerReceipt' });
export type ServerReceipt = z.infer<typeof ServerReceipt>;

export const SecurityObserved = z
  .object({
    mode: SecurityMode,
    exposure: z
      .enum(['open', 'daemon-port', 'none'])
      .describe('open: nothing is closed by Mainstay; daemon-port: only the proxy; none: no port is reachable.'),
    state: z
      .enum(['off', 'in_force', 'confirming', 'reverted', 'drifted', 'failed'])
      .describe(
        'confirming: it reverts by itself unless the control plane is reached. drifted: the rules were changed.',
      ),
    firewall: z.enum(['nftables', 'ufw']).nullable(),
    open_ports: z.array(z.int()).max(64),
    ssh_from: z.array(z.string().max(49)).max(64),
    ssh_peers: z.array(z.string().max(45)).max(64).describe('Addresses with an SSH session now.'),
    message: z.string().max(1_000).nullable(),
  })
  .meta({ id: 'SecurityObserved' });
export type SecurityObserved = z.infer<typeof SecurityObserved>;

export const TunnelObserved = z
  .object({
    kind: z.string().max(32),
    state: z.enum(['connecting', 'connected', 'down']),
    since: z.int().nullable(),
    message: z.string().max(1_000).nullable(),
  })
  .meta({ id: 'TunnelObserved' });
export type TunnelObserved = z.infer<typeof TunnelObserved>;
