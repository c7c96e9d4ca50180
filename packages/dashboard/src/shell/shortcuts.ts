/** Keys that work on every page, in one table: the sheet that explains them is made from it. */
import { useRouter } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { shell } from '../texts/shell.ts';
import { setAppearance, useAppearance } from '../ui/appearance.ts';

const words = shell.keys;

/** Keys as they are pressed, one after the other, and what they do. */
export const shortcuts = [
  { keys: ['mod+k'], shown: ['Ctrl/⌘', 'K'], word: words.palette },
  { keys: ['?'], shown: ['?'], word: words.help },
  { keys: ['/'], shown: ['/'], word: words.search },
  { keys: ['g', 'o'], shown: ['G', 'O'], word: words.overview },
  { keys: ['g', 's'], shown: ['G', 'S'], word: words.servers },
  { keys: ['g', 'e'], shown: ['G', 'E'], word: words.events },
  { keys: ['g', 'p'], shown: ['G', 'P'], word: words.operations },
  { keys: ['g', 't'], shown: ['G', 'T'], word: words.settings },
  { keys: ['n', 's'], shown: ['N', 'S'], word: words.newStack },
  { keys: ['shift+d'], shown: ['Shift', 'D'], word: words.scheme },
] as const;

/** A second key is waited for this long. */
const sequence_ms = 1_200;

type Overlays = {
  palette(): void;
  help(): void;
  /** One of them is open or being loaded: what is typed is meant for it. */
  isOpen: boolean;
};

/** Listens to the keys. They are the person's own while something is typed, but for Ctrl/Cmd-K. */
export function useShortcuts(overlays: Overlays): void {
  const router = useRouter();
  const { keys } = useAppearance();
  const latest = useRef({ ...overlays, keys });
  latest.current = { ...overlays, keys };
  useEffect(() => {
    let first: { key: string; at: number } | null = null;
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        return latest.current.palette();
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (latest.current.keys === 'off') return;
      if (latest.current.isOpen || document.querySelector('[role="dialog"]')) return;
      const sequence = first && performance.now() - first.at < sequence_ms ? `${first.key} ${event.key}` : event.key;
      first = null;
      switch (sequence) {
        case '?':
          return latest.current.help();
        case '/':
          event.preventDefault();
          return focusSearch() ? undefined : latest.current.palette();
        case 'g o':
          return void router.navigate({ to: '/' });
        case 'g s':
          return void router.navigate({ to: '/servers' });
        case 'g e':
          return void router.navigate({ to: '/events' });
        case 'g p':
          return void router.navigate({ to: '/operations' });
        case 'g t':
          return void router.navigate({ to: '/settings' });
        case 'n s':
          return void router.navigate({ to: '/stacks/new' });
        case 'D':
          return toggleScheme();
        default:
          if (event.key === 'g' || event.key === 'n') first = { key: event.key, at: performance.now() };
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [router]);
}

export function toggleScheme(): void {
  const drawn = document.documentElement.getAttribute('data-mantine-color-scheme');
  setAppearance({ scheme: drawn === 'dark' ? 'light' : 'dark' });
}

/** Puts the cursor into the search field of the page, where it has one (`data-search`). */
function focusSearch(): boolean {
  const field = document.querySelector<HTMLElement>('input[data-search], [data-search] input');
  field?.focus();
  return field !== null;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
