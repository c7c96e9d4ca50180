/** Signing in with the one-time link whose key stands behind the # of the address, and out again. */
import { send } from './client.ts';

const mark = '#sign-in=';

/**
 * Takes the key out of the address, where it would stay in the history, and signs in with it.
 * False when the address holds no key; throws AppError when the key is refused.
 */
export async function signInFromAddress(): Promise<boolean> {
  if (!location.hash.startsWith(mark)) return false;
  const key = location.hash.slice(mark.length);
  history.replaceState(history.state, '', location.pathname + location.search);
  await signIn(key);
  return true;
}

/** Signs in with the key of a link, or with the whole link as it was copied. */
export async function signIn(key_or_link: string): Promise<void> {
  const key = key_or_link.trim().split(mark).at(-1) ?? '';
  await send('POST', '/auth/sign-in', JSON.stringify({ key }));
}

export async function signOut(): Promise<void> {
  await send('POST', '/auth/sign-out', '{}');
}
