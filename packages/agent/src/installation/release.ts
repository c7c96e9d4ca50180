/**
 * The manifest of a release: which executables belong to it, and the key that signed it. Who installs pins the manifest by its hash, and
 * so the key in it; from then on the agent takes only what this key signed (ADR 0025).
 */
import { createPublicKey, verify } from 'node:crypto';
import { AppError } from '@mainstay/contract/errors';
import * as z from 'zod';

export const Release = z.object({
  version: z.string().min(1).max(100),
  /** Ed25519 public key, raw, base64url: that of the signature. */
  release_key: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  built_from: z.object({ node: z.string(), commit: z.string().nullable() }),
  files: z
    .array(
      z.object({
        name: z.string(),
        arch: z.string(),
        size: z.int().min(1),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .max(20),
});
export type Release = z.infer<typeof Release>;

/** Reads a manifest whose signature holds. @throws AppError where it does not, or where it was not signed by the pinned key. */
export function readRelease(text: Buffer, signature: string, pinned_key: string | null = null): Release {
  const refuse = (message: string) =>
    new AppError('Forbidden', message, {
      hint: 'Nothing was installed. Make a new line in the dashboard, and run that.',
    });
  let release: Release;
  try {
    release = Release.parse(JSON.parse(text.toString('utf8')));
  } catch {
    throw refuse('The manifest of the release is not of the documented form.');
  }
  if (pinned_key !== null && pinned_key !== release.release_key) {
    throw refuse('The release is signed with another key than the one that this server trusts.');
  }
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: release.release_key }, format: 'jwk' });
  if (!verify(null, text, key, Buffer.from(signature.trim(), 'base64'))) {
    throw refuse('The signature of the release does not hold.');
  }
  return release;
}
