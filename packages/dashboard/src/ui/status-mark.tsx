/** A state as shape and word: the shapes differ, so that nobody needs to tell colours apart. */
import css from './status-mark.module.css';
import type { Status, Tone } from './words.ts';

const shapes: Record<Tone, React.ReactNode> = {
  good: (
    <>
      <circle cx="8" cy="8" r="7" fill="currentColor" />
      <path d="m4.8 8.2 2.2 2.2 4.2-4.6" fill="none" stroke="var(--ms-card)" strokeWidth="1.8" strokeLinecap="round" />
    </>
  ),
  busy: (
    <path
      className={css.turning}
      d="M8 1.8a6.2 6.2 0 1 1-6.2 6.2"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.2"
      strokeLinecap="round"
    />
  ),
  warning: (
    <>
      <path d="M8 1.4 15 14H1z" fill="currentColor" strokeLinejoin="round" />
      <path d="M8 6v3.6M8 11.6v.2" stroke="var(--ms-card)" strokeWidth="1.7" strokeLinecap="round" />
    </>
  ),
  bad: (
    <>
      <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor" />
      <path d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8" stroke="var(--ms-card)" strokeWidth="1.7" strokeLinecap="round" />
    </>
  ),
  idle: <circle cx="8" cy="8" r="5.6" fill="none" stroke="currentColor" strokeWidth="2" />,
};

export type StatusMarkProps = Status & {
  /** `chip` has a tinted ground; `icon` shows the shape alone, and the word to those who do not see it. */
  form?: 'plain' | 'chip' | 'icon';
};

export function StatusMark({ tone, word, form = 'plain' }: StatusMarkProps) {
  return (
    <span className={css.mark} data-tone={tone} data-form={form} title={form === 'icon' ? word : undefined}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
        {shapes[tone]}
      </svg>
      <span className={form === 'icon' ? 'visually-hidden' : undefined}>{word}</span>
    </span>
  );
}
