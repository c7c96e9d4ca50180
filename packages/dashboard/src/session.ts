/** Signing in with the one-time link whose key stands behind the # of the address, and out again. */
import { AppError, ErrorBody } from '@mainstay/contract/errors';

const mark = '#sign-in=';

/**
 * Takes the key out of the address, where it would stay in the history, and signs in with it.
 * False when the address holds no key; throws AppError when the key is refused.
 */
export async function signInFromAddress(): Promise<boolean> {
  if (!location.hash.startsWith(mark)) return false;
  const key = location.hash.slice(mark.length);
  history.replaceState(null, '', location.pathname);
  await post('/auth/sign-in', { key });
  return true;
}

export async function signOut(): Promise<void> {
  await post('/auth/sign-out', {});
}

async function post(path: string, body: unknown): Promise<void> {
  let response: Response;
  try {
    const headers = { 'content-type': 'application/json' };
    response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  } catch (error) {
    throw new AppError('Unavailable', 'The control plane does not answer.', {
      hint: 'Is it running? Load this page again when it is.',
      cause: error,
    });
  }
  if (response.ok) return;
  const error = ErrorBody.safeParse(await response.json().catch(() => null));
  throw error.success
    ? AppError.fromBody(error.data)
    : new AppError('Unavailable', `The control plane answered ${response.status}.`);
}
