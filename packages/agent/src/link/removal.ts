/**
 * That this server was removed from its control plane. Only what the keeper signed for this very server counts: an agent that is told so by anybody
 * else goes on as before. One that believes it stops dialling, for good; what runs on the server is left as it is, and kept up.
 *
 *   refused (401) ──▶ asks why ──▶ a signed removal ──▶ removed.json, no more dialling
 *                        └────────▶ nothing, or what does not hold ──▶ dials on
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RemovalResponse } from '@mainstay/contract/agent-answers';
import { verifyGrant } from '@mainstay/contract/grant';
import { idSchema } from '@mainstay/contract/ids';
import { type PinnedKeys, trustedKeys } from '@mainstay/contract/key-changes';
import { nodeSignatures } from '@mainstay/runtime/signatures';
import * as z from 'zod';
import { saveWhole } from '../state/identity.ts';
import type { LinkClient } from './http.ts';

export const Removal = z.object({
  server_id: idSchema('server'),
  /** By the keeper's clock when it signed it, UTC milliseconds. */
  at: z.int(),
  /** Who removed it. */
  by: z.string(),
  operation_id: idSchema('operation'),
});
export type Removal = z.infer<typeof Removal>;

const file = 'removed.json';

/** As it was stored for this server; null where it was not removed, or is enrolled anew. */
export function loadRemoval(home: string, server_id: string): Removal | null {
  try {
    const removal = Removal.parse(JSON.parse(readFileSync(join(home, file), 'utf8')));
    return removal.server_id === server_id ? removal : null;
  } catch {
    return null;
  }
}

export function saveRemoval(home: string, removal: Removal): void {
  saveWhole(home, file, removal);
}

/** For people: what it means and what they can do. */
export function removalText({ at, by }: Removal): string {
  const when = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  return `This server was removed from its control plane on ${when} UTC by ${by}. What runs here runs on, and is told to nobody. Take it away: mainstay-agent uninstall. Or enrol anew: run the line of a new invitation.`;
}

/** What a grant says of the removal of this server; null when it does not allow it. */
export async function judgeRemoval(
  grant: string,
  { server_id, keeper, now_ms }: { server_id: string; keeper: PinnedKeys; now_ms: number },
): Promise<Removal | null> {
  const keys = trustedKeys(keeper, now_ms);
  const options = { keys, revoked: keeper.revoked, audience: server_id, now_ms, signatures: nodeSignatures };
  const verified = await verifyGrant(grant, options);
  if (!verified.ok) return null;
  const { action, operation_id, actor, iat } = verified.grant;
  if (action.kind !== 'removal' || action.server_id !== server_id) return null;
  return { server_id, at: iat * 1000, by: actor.name, operation_id };
}

/** Asks why the credential is refused; the grant of the removal where there is one. Throws AppError when nobody answers. */
export async function askForRemoval(client: LinkClient, signal: AbortSignal): Promise<string | null> {
  const { status, body } = await client.send({ method: 'GET', path: '/agent/v1/removal', signal });
  const answer = status === 200 ? RemovalResponse.safeParse(body) : null;
  return answer?.success ? answer.data.grant : null;
}
