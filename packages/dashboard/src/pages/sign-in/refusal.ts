/** Why the link in the address was refused; told on the sign-in page. */
import type { AppError } from '@mainstay/contract/app-error';
import { useSyncExternalStore } from 'react';

let refusal: AppError | null = null;
const watchers = new Set<() => void>();

export const signInRefusal = {
  set(error: AppError | null): void {
    refusal = error;
    for (const watcher of watchers) watcher();
  },
};

export function useSignInRefusal(): AppError | null {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => refusal,
  );
}
