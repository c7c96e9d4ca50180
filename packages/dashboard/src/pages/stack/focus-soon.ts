/** Takes the person to what is to be mended. */

/** A dialog gives the focus back as it closes; what is meant to have it takes it after that. */
const after_dialog_ms = 300;

/** Brings an element into the middle of the window and gives it the focus; gives the function that takes this back. */
export function focusSoon(element: HTMLElement | null | undefined, then?: () => void): () => void {
  const timer = setTimeout(() => {
    element?.scrollIntoView({ block: 'center' });
    element?.focus({ preventScroll: true });
    then?.();
  }, after_dialog_ms);
  return () => clearTimeout(timer);
}
