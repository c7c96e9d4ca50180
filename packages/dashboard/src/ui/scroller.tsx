/** A region that scrolls by itself, named, and reached by the keyboard: without anything to focus in it, keys could not scroll it. */
import type { ComponentProps } from 'react';

export function Scroller(props: ComponentProps<'section'> & { 'aria-label': string }) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
  return <section tabIndex={0} {...props} />;
}

/** The same for text that stands as it was written. */
export function TextScroller(props: ComponentProps<'pre'>) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by the keyboard.
  return <pre tabIndex={0} {...props} />;
}
