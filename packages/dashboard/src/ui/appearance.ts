/** How the person wants the page to look and to be used; kept in this browser. public/boot.js reads the same before anything is drawn. */
import { useSyncExternalStore } from 'react';

export type Appearance = {
  scheme: 'auto' | 'light' | 'dark';
  contrast: 'normal' | 'more';
  motion: 'normal' | 'less';
  /** Shortcuts of single letters: speech input, and a cat on the keyboard, press them by mistake. */
  keys: 'on' | 'off';
};

const key = 'mainstay.appearance';
const standard: Appearance = { scheme: 'auto', contrast: 'normal', motion: 'normal', keys: 'on' };
const dark = matchMedia('(prefers-color-scheme: dark)');
const watchers = new Set<() => void>();
let chosen = read();

function read(): Appearance {
  try {
    return { ...standard, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Appearance>) };
  } catch {
    return standard;
  }
}

/** The colour scheme that is drawn, whatever it was chosen by. */
export function schemeOf({ scheme }: Appearance): 'light' | 'dark' {
  return scheme === 'auto' ? (dark.matches ? 'dark' : 'light') : scheme;
}

function draw(): void {
  const root = document.documentElement;
  root.setAttribute('data-mantine-color-scheme', schemeOf(chosen));
  root.toggleAttribute('data-contrast', false);
  if (chosen.contrast === 'more') root.setAttribute('data-contrast', 'more');
  root.toggleAttribute('data-motion', false);
  if (chosen.motion === 'less') root.setAttribute('data-motion', 'less');
  for (const watcher of watchers) watcher();
}

export function setAppearance(change: Partial<Appearance>): void {
  chosen = { ...chosen, ...change };
  try {
    localStorage.setItem(key, JSON.stringify(chosen));
  } catch {
    // A browser that keeps nothing still shows it until the page is loaded again.
  }
  draw();
}

dark.addEventListener('change', draw);
addEventListener('storage', (event) => {
  if (event.key !== key) return;
  chosen = read();
  draw();
});

export function useAppearance(): Appearance {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => chosen,
  );
}

/** The scheme as it is drawn, following the system where that was chosen. */
export function useScheme(): 'light' | 'dark' {
  return schemeOf(useAppearance());
}
