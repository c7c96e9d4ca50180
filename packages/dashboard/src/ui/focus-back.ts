/** Where the keys go when a dialog closes: back to what opened it. */
import { useEffect } from 'react';

/**
 * Gives the focus back to what had it when the dialog opened, also where the dialog is taken away at once; to the content of
 * the page where that is gone by then, such as an entry of a menu.
 */
export function useFocusBack(isOpen: boolean): void {
  useEffect(() => {
    if (!isOpen) return;
    const before = document.activeElement;
    return () => {
      // Once the dialog is gone. What has the focus by then was given it on purpose.
      setTimeout(() => {
        if (document.activeElement !== document.body) return;
        if (before instanceof HTMLElement && before !== document.body && before.isConnected) {
          before.focus({ preventScroll: true });
        } else focusContent();
      });
    };
  }, [isOpen]);
}

/** Lets the keys begin at the content of the page. */
export function focusContent(): void {
  document.getElementById('content')?.focus({ preventScroll: true });
}
