/**
 * The key of this device as the keeper knows it. Where the keeper asks for a signature and this device has no key yet, one is made and
 * registered on the way: the first key of all is admitted at once, so that an owner alone needs no ceremony; any other waits for
 * somebody who has one, and what they have to do is said.
 */
import { hostname } from 'node:os';
import { AppError } from '@mainstay/contract/errors';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import { type Actor, roles } from '@mainstay/contract/operation';
import type { PersonSigner } from '@mainstay/contract/proof';
import type { Cli } from '../cli.ts';
import type { Connection } from '../connection.ts';
import { deviceKeyPath, ensureDeviceKey, readDeviceKey } from './device-key.ts';

export type OwnKey = { signer: PersonSigner; known: PersonKeyView; actor: Actor };

/** The key of this device, where it may be used: it is there, and admitted. */
export async function findOwnKey(cli: Cli, connection: Connection): Promise<OwnKey | null> {
  const signer = await readDeviceKey(cli.terminal.env);
  if (!signer) return null;
  const [{ keys }, { actor }] = await Promise.all([
    connection.call('keys.list', {}),
    connection.call('system.whoami', {}),
  ]);
  const known = keys.find(({ id }) => id === signer.id);
  return known?.state === 'admitted' ? { signer, known, actor } : null;
}

/** The same, made and registered where need be. @throws AppError Forbidden when it is not admitted, saying whom to ask for what. */
export async function requireOwnKey(cli: Cli, connection: Connection, note: (text: string) => void): Promise<OwnKey> {
  const signer = await ensureDeviceKey(cli.terminal.env);
  const [{ keys }, { actor }] = await Promise.all([
    connection.call('keys.list', {}),
    connection.call('system.whoami', {}),
  ]);
  let known = keys.find(({ id }) => id === signer.id);
  if (!known) {
    known = await register(connection, signer);
    if (known.state === 'admitted')
      note(`Made the key of this device and registered it, as the first of all (fingerprint ${known.id}).`);
  }
  if (known.state === 'admitted') return { signer, known, actor };
  if (known.state === 'revoked') {
    throw new AppError('Forbidden', `The key of this device, "${known.name}", was revoked.`, {
      hint: `Remove ${deviceKeyPath(cli.terminal.env)}, then make and register another one: mainstay keys register`,
    });
  }
  throw new AppError('Forbidden', `The key of this device, "${known.name}", is registered but not admitted yet.`, {
    hint: `${whoAdmits(keys, known)} runs: mainstay keys admit ${known.id}`,
  });
}

export async function register(connection: Connection, signer: PersonSigner, name?: string): Promise<PersonKeyView> {
  const input = { name: name ?? (hostname().slice(0, 100) || 'cli'), key: signer.public_key };
  return (await connection.call('keys.register', input)).key;
}

/** Who can admit a key that waits: its person on another device, else owners and admins who have a key. */
export function whoAdmits(keys: readonly PersonKeyView[], waiting: PersonKeyView): string {
  const admitted = keys.filter(({ state }) => state === 'admitted');
  const own = admitted.filter(({ user_id }) => user_id === waiting.user_id).map(({ name }) => `"${name}"`);
  if (own.length > 0) return `You, on a device whose key is admitted (${own.join(', ')}), or an owner`;
  const administers = ({ role }: PersonKeyView) => roles.indexOf(role) <= roles.indexOf('admin');
  const names = [...new Set(admitted.filter(administers).map(({ user_name }) => user_name))];
  return `${names.length > 0 ? names.join(' or ') : 'An owner'}, having compared the fingerprint with you,`;
}
