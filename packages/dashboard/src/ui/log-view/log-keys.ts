/** Keys of a log, which work wherever one is on the page but in a field: N and Shift+N, F, W. The key / is the page's own. */
import { useEffect, useRef } from 'react';
import { useAppearance } from '../appearance.ts';

export type LogKeys = { hit(direction: 1 | -1): void; follow(): void; wrap(): void };

export function useLogKeys(keys: LogKeys): void {
  const latest = useRef(keys);
  latest.current = keys;
  const isOn = useAppearance().keys === 'on';
  useEffect(() => {
    if (!isOn) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector('[role="dialog"]')) return;
      const { hit, follow, wrap } = latest.current;
      if (event.key === 'n') hit(1);
      if (event.key === 'N') hit(-1);
      if (event.key === 'f') follow();
      if (event.key === 'w') wrap();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [isOn]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
