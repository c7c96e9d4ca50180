/** One-time sign-in links. The key stands behind the #, which browsers keep to themselves: it reaches no log and no Referer. */
import type { Context } from '../context.ts';
import { newKey } from './access-store.ts';

/** A new link, the statement that stores its digest, and what is told of it: once with the link, and then without. */
export function newSignInLink({ store, public_url }: Context, user_id: string, now: number, expires_seconds: number) {
  const expires_at = now + expires_seconds * 1000;
  const { key, statement } = newKey(store, 'sign_in_link', { user_id, now, expires_at });
  const url = `${public_url()}/#sign-in=${key}`;
  return { statement, result: { url, expires_at }, kept_result: { url: null, expires_at } };
}
