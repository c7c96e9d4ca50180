/**
 * Deploy keys: Ed25519 in the formats of OpenSSH. The public half is RFC 4253 §6.6 with RFC 8709; the private half is the
 * `openssh-key-v1` container (PROTOCOL.key of OpenSSH), not encrypted, because ssh must read it without a person.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';

export type DeployKey = { private_key: string; public_key: string };

export function makeDeployKey(comment: string): DeployKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const jwk = privateKey.export({ format: 'jwk' });
  const public_bytes = Buffer.from(jwk.x!, 'base64url');
  const seed = Buffer.from(jwk.d!, 'base64url');
  const type = 'ssh-ed25519';
  const public_blob = Buffer.concat([text(type), text(public_bytes)]);
  const check = randomBytes(4);
  const secret = [
    check,
    check,
    text(type),
    text(public_bytes),
    text(Buffer.concat([seed, public_bytes])),
    text(comment),
  ];
  let body = Buffer.concat(secret);
  // Padded with 1, 2, 3 … to the block size of the cipher, which is 8 for none.
  for (let pad = 1; body.length % 8 !== 0; pad++) body = Buffer.concat([body, Buffer.from([pad])]);
  const container = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'),
    text('none'),
    text(''),
    Buffer.from([0, 0, 0, 1]),
    text(public_blob),
    text(body),
  ]);
  const lines = container.toString('base64').match(/.{1,70}/g)!;
  return {
    public_key: `${type} ${public_blob.toString('base64')} ${comment}`,
    private_key: ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n'),
  };
}

/** A string of SSH: its length as four bytes, then its bytes (RFC 4251 §5). */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
