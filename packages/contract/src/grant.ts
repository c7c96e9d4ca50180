/**
 * The signed envelope. The keeper signs a grant as a compact JWS (RFC 7515) with Ed25519 (EdDSA, RFC 8037); everyone
 * else can only verify. A grant allows one transition, once, before its expiry, on the targets that it names.
 */
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';
import * as z from 'zod';
import { sha256Hex } from './canonical.ts';
import { Digest } from './desired-state.ts';
import { idSchema } from './ids.ts';
import { Actor } from './operation.ts';

/** What is allowed. */
export const GrantedAction = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('desired_state'),
    stack_id: idSchema('stack'),
    version: z.int().min(1),
    sha256: Digest,
  }),
  z.strictObject({
    kind: z.literal('server_state'),
    server_id: idSchema('server'),
    version: z.int().min(1),
    sha256: Digest,
  }),
  /** States of many servers under one decision, by `serverStatesDigest`. No agent acts on it: the keeper signs each server its own from it. */
  z.strictObject({ kind: z.literal('server_states'), sha256: Digest }),
  /** This server may run this stack. */
  z.strictObject({
    kind: z.literal('enrolment'),
    server_id: idSchema('server'),
    stack_id: idSchema('stack').nullable(),
  }),
  /** Whoever shows the token with this digest may be enrolled as this server. */
  z.strictObject({
    kind: z.literal('invitation'),
    server_id: idSchema('server'),
    token_sha256: Digest,
    stack_id: idSchema('stack').nullable(),
  }),
  /** This server was removed: its agent need not call any more. It allows nothing on the server itself. */
  z.strictObject({ kind: z.literal('removal'), server_id: idSchema('server') }),
  /** A change inside the control plane; no agent acts on it. */
  z.strictObject({ kind: z.literal('control_plane') }),
]);
export type GrantedAction = z.infer<typeof GrantedAction>;

export const Grant = z.strictObject({
  iss: z.literal('mainstay-keeper'),
  jti: z.string().min(16).max(64).describe('Nonce: an agent takes it once.'),
  iat: z.int().describe('Seconds since the epoch.'),
  exp: z.int().describe('Seconds since the epoch.'),
  aud: z.array(z.string()).max(10_000).describe('Ids of the target servers, or `control-plane`.'),
  operation: z.string(),
  operation_id: idSchema('operation'),
  plan_hash: Digest,
  actor: Actor,
  action: GrantedAction,
});
export type Grant = z.infer<typeof Grant>;

export const KeeperKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string().max(64),
  kid: z.string().max(64),
});
export type KeeperKey = z.infer<typeof KeeperKey>;

/** Key id: the JWK thumbprint (RFC 7638), in hexadecimal. */
export async function keeperKeyId(x: string): Promise<string> {
  return sha256Hex(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`);
}

export type GrantRefusal =
  | 'malformed'
  | 'unknown_key'
  | 'revoked_key'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_target';

export type VerifiedGrant = { ok: true; grant: Grant } | { ok: false; reason: GrantRefusal; message: string };

export type VerifyOptions = {
  keys: readonly KeeperKey[];
  /** Ids of keys that are not taken any more, whatever they signed. */
  revoked?: readonly string[];
  /** The target that must be among `aud`. */
  audience: string;
  now_ms: number;
  /** How far the clocks may be apart, seconds. */
  clock_tolerance_seconds?: number;
  signatures?: Signatures;
};

/** What verifying computes: Web Crypto does it anywhere; `nodeSignatures` of the runtime waits for no thread. */
export type Signatures = {
  /** As `keeperKeyId`. */
  keyId(x: string): string | Promise<string>;
  /** The payload of a compact JWS that this key signed with EdDSA; throws, or rejects, when it did not. */
  open(jws: string, key: KeeperKey): Uint8Array | Promise<Uint8Array>;
};

const webSignatures: Signatures = {
  keyId: keeperKeyId,
  open: async (jws, key) =>
    (await compactVerify(jws, await importJWK(key, 'EdDSA'), { algorithms: ['EdDSA'] })).payload,
};

/** Verifies signature, target and expiry. Whether the nonce was seen is the caller's to know. */
export async function verifyGrant(jws: string, options: VerifyOptions): Promise<VerifiedGrant> {
  const refuse = (reason: GrantRefusal, message: string): VerifiedGrant => ({ ok: false, reason, message });
  let kid: string | undefined;
  try {
    const header = decodeProtectedHeader(jws);
    if (header.alg !== 'EdDSA')
      return refuse('malformed', `The grant is signed with ${String(header.alg)}, not with EdDSA.`);
    // RFC 7515, 4.1.11: what must be understood is not passed over.
    if (header.crit !== undefined) return refuse('malformed', 'The grant has header fields that are not known here.');
    kid = header.kid;
  } catch {
    return refuse('malformed', 'The grant is not a JWS.');
  }
  if (kid !== undefined && options.revoked?.includes(kid))
    return refuse('revoked_key', 'The grant is signed by a key that the keeper has revoked.');
  const key = options.keys.find((candidate) => candidate.kid === kid);
  const signatures = options.signatures ?? webSignatures;
  if (!key || (await signatures.keyId(key.x)) !== kid)
    return refuse('unknown_key', 'The grant is signed by a key that is not pinned here.');
  let payload: unknown;
  try {
    payload = JSON.parse(new TextDecoder().decode(await signatures.open(jws, key)));
  } catch {
    return refuse('bad_signature', 'The signature of the grant does not fit its content.');
  }
  const parsed = Grant.safeParse(payload);
  if (!parsed.success) return refuse('malformed', 'The grant does not have the documented fields.');
  const grant = parsed.data;
  const tolerance = options.clock_tolerance_seconds ?? 60;
  const now = options.now_ms / 1000;
  if (now > grant.exp + tolerance) {
    return refuse('expired', `The grant expired ${Math.round(now - grant.exp)} s ago by this machine's clock.`);
  }
  if (now < grant.iat - tolerance) {
    return refuse(
      'not_yet_valid',
      `The grant was signed ${Math.round(grant.iat - now)} s in the future by this machine's clock.`,
    );
  }
  if (!grant.aud.includes(options.audience)) return refuse('wrong_target', 'The grant is for other targets.');
  return { ok: true, grant };
}
