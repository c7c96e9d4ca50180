/**
 * The key of a person in this browser. It lies in IndexedDB as a CryptoKey that cannot be exported: whoever takes over the gateway, or
 * a script in the page, may ask it to sign while the page is open, but cannot carry it away. Each person has a key of their own, also
 * where two of them share a browser. It is worth something once the keeper has admitted it.
 */
import { AppError } from '@mainstay/contract/app-error';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import { keys as texts } from '../texts/keys.ts';
import { call } from './client.ts';
import { type BrowserKey, keyIdOf, newBrowserKey, type Said, signStatement } from './statement.ts';

const database_name = 'mainstay-keys';
const store_name = 'keys';

/** Whether a key can be kept here: browsers give cryptography to pages over HTTPS and on localhost only. */
export function canSign(): boolean {
  return globalThis.isSecureContext && crypto.subtle !== undefined && globalThis.indexedDB !== undefined;
}

/** The person's key in this browser; null when none was made here. */
export async function findKey(user_id: string): Promise<BrowserKey | null> {
  if (!canSign()) return null;
  const found = await inStore<BrowserKey | undefined>('readonly', (store) => store.get(user_id));
  return found ?? null;
}

/** Id of the person's key in this browser; null when there is none. */
export async function findKeyId(user_id: string): Promise<string | null> {
  const key = await findKey(user_id);
  return key && keyIdOf(key.public_key);
}

/** Makes the person's key, where there is none yet or the one there is was revoked, and makes it known to the keeper. */
export async function registerKey(user_id: string, replace: boolean): Promise<PersonKeyView> {
  if (!canSign()) throw new AppError('InvalidInput', texts.impossible, { hint: texts.impossibleHint });
  const present = replace ? null : await findKey(user_id);
  const key = present ?? (await keep(user_id, await newBrowserKey(), replace));
  const { key: view } = await call('keys.register', { name: browserName(navigator.userAgent), key: key.public_key });
  return view;
}

/** Signs with the person's key in this browser. @throws AppError when there is none. */
export async function sign(said: Said): Promise<string> {
  const key = await findKey(said.user_id);
  if (!key) throw new AppError('Conflict', texts.noKey, { hint: texts.noKeyHint });
  return signStatement(key, said, Date.now());
}

/** Keeps a new key; gives the one that another tab kept a moment before, where there is one. */
async function keep(user_id: string, key: BrowserKey, replace: boolean): Promise<BrowserKey> {
  if (replace) {
    await inStore('readwrite', (store) => store.put(key, user_id));
    return key;
  }
  try {
    await inStore('readwrite', (store) => store.add(key, user_id));
    return key;
  } catch (error) {
    const other = await findKey(user_id);
    if (other) return other;
    throw error;
  }
}

function inStore<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(database_name, 1);
    const refuse = (cause: unknown) =>
      reject(new AppError('Unavailable', texts.notKept, { hint: texts.notKeptHint, cause }));
    opening.onupgradeneeded = () => void opening.result.createObjectStore(store_name);
    opening.onerror = () => refuse(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(store_name, mode);
      const request = ask(transaction.objectStore(store_name));
      const end = (done: () => void) => () => {
        opening.result.close();
        done();
      };
      // Only what was committed is kept: a key that is gone at the next start would be worth nothing.
      transaction.oncomplete = end(() => resolve(request.result as T));
      transaction.onabort = end(() => refuse(transaction.error));
    };
  });
}

/** What the key is called among the person's keys, such as `Chrome on Linux`. */
export function browserName(user_agent: string): string {
  const browsers = [
    ['Edg/', 'Edge'],
    ['OPR/', 'Opera'],
    ['Firefox/', 'Firefox'],
    ['Chrome/', 'Chrome'],
    ['Safari/', 'Safari'],
  ] as const;
  const systems = [
    ['Android', 'Android'],
    ['iPhone', 'iPhone'],
    ['iPad', 'iPad'],
    ['Windows', 'Windows'],
    ['Mac OS', 'macOS'],
    ['Linux', 'Linux'],
  ] as const;
  const find = (names: readonly (readonly [string, string])[]) =>
    names.find(([mark]) => user_agent.includes(mark))?.[1];
  return texts.browserOn(find(browsers), find(systems));
}
