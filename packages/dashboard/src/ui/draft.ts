/** What a person typed, kept for this tab through errors, reloads and a detour to another page, until it was used. */
import { useCallback, useEffect, useState } from 'react';

const prefix = 'mainstay.draft.';
/** Larger drafts are not kept; a page must not fill the browser's store. */
const kept_chars_max = 500_000;

/**
 * State that survives a reload. Never for secrets: those are kept in plain component state.
 * @param name Names the form and what it is about, such as `env:shop/api`.
 */
export function useDraft<T>(name: string, initial: T): [draft: T, set: (next: T) => void, discard: () => void] {
  const [state, setState] = useState(() => ({ name, value: stored<T>(name) ?? initial }));
  const value = state.name === name ? state.value : (stored<T>(name) ?? initial);
  useEffect(() => {
    if (state.name !== name) setState({ name, value: stored<T>(name) ?? initial });
  }, [name, state.name, initial]);
  const set = useCallback(
    (next: T) => {
      setState({ name, value: next });
      try {
        const text = JSON.stringify(next);
        if (text.length <= kept_chars_max) sessionStorage.setItem(prefix + name, text);
      } catch {
        // A browser that keeps nothing still holds it as long as the page is open.
      }
    },
    [name],
  );
  const discard = useCallback(() => {
    sessionStorage.removeItem(prefix + name);
    setState({ name, value: initial });
  }, [name, initial]);
  return [value, set, discard];
}

function stored<T>(name: string): T | null {
  try {
    const text = sessionStorage.getItem(prefix + name);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}
