/** Stays in sight while there are edits: what is not saved, and the way to save or discard it. */
import { Button, Tooltip } from '@mantine/core';
import { useMay } from '../../api/may.ts';
import { unsaved as texts } from '../../texts/stack/forms.ts';
import css from './forms.module.css';

export type UnsavedBarProps = {
  /** What was edited, such as names of services. */
  what: readonly string[];
  /** Why it cannot be saved; null when it can. */
  refusal: string | null;
  onDiscard(): void;
  onSave(): void;
};

export function UnsavedBar({ what, refusal: given, onDiscard, onSave }: UnsavedBarProps) {
  const refusal = useMay()('stacks:write') ? given : texts.notAllowed;
  if (what.length === 0) return null;
  return (
    <section className={css.bar} aria-label={texts.label}>
      <span className={css.barText}>{texts.text(what.join(', '))}</span>
      <Button variant="default" onClick={onDiscard}>
        {texts.discard}
      </Button>
      <Tooltip label={refusal} disabled={refusal === null}>
        <Button
          data-disabled={refusal !== null || undefined}
          aria-disabled={refusal !== null || undefined}
          onClick={() => refusal === null && onSave()}
        >
          {texts.save}
        </Button>
      </Tooltip>
    </section>
  );
}
