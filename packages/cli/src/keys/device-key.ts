/**
 * The key of this device: Ed25519, made at its first use, in a file of its own that nobody else may read. It signs what its person says
 * of plans, so that not even the control plane can speak in the person's name. It never leaves this machine.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { newDeviceKey, openDeviceKey, type PersonSigner } from '@mainstay/contract/proof';

type Environment = Readonly<Record<string, string | undefined>>;

export function deviceKeyPath(env: Environment): string {
  const config = env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config');
  return env['MAINSTAY_DEVICE_KEY'] || join(config, 'mainstay', 'device-key.json');
}

/** The key of this device; null where it has none yet. @throws AppError Unavailable for a file that cannot be used. */
export async function readDeviceKey(env: Environment): Promise<PersonSigner | null> {
  const path = deviceKeyPath(env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, error);
  }
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  try {
    return await openDeviceKey(text, Date.now);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** The key of this device, made where there is none. */
export async function ensureDeviceKey(env: Environment): Promise<PersonSigner> {
  const found = await readDeviceKey(env);
  if (found) return found;
  const path = deviceKeyPath(env);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const staged = `${path}.${process.pid}.new`;
  const file = openSync(staged, 'wx', 0o600);
  try {
    writeSync(file, await newDeviceKey());
    fsyncSync(file);
    // Of two that make one at the same moment the first one's key stands.
    linkSync(staged, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, error);
  } finally {
    closeSync(file);
    rmSync(staged, { force: true });
  }
  return (await readDeviceKey(env))!;
}

function unusable(path: string, cause: unknown): AppError {
  return new AppError('Unavailable', `The key of this device, ${path}, cannot be used.`, {
    hint: 'Check its owner and mode, or remove it and register a new one: mainstay keys register',
    cause,
  });
}
