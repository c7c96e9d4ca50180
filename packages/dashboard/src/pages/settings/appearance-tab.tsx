/** How the page looks: every choice is used at once, and kept in this browser. */
import { SegmentedControl } from '@mantine/core';
import { useId } from 'react';
import { settings } from '../../texts/settings.ts';
import { type Appearance, setAppearance, useAppearance } from '../../ui/appearance.ts';
import { Section } from '../../ui/page.tsx';
import css from './settings.module.css';

const texts = settings.appearance;

export function AppearanceTab() {
  const { scheme, contrast, motion, keys } = useAppearance();
  return (
    <Section>
      <div className={css.stack}>
        <p className="quiet">{texts.lead}</p>
        <Choice
          label={texts.scheme}
          words={texts.schemes}
          value={scheme}
          onChange={(chosen) => setAppearance({ scheme: chosen })}
        />
        <Choice
          label={texts.contrast}
          hint={texts.contrastHint}
          words={texts.contrasts}
          value={contrast}
          onChange={(chosen) => setAppearance({ contrast: chosen })}
        />
        <Choice
          label={texts.motion}
          hint={texts.motionHint}
          words={texts.motions}
          value={motion}
          onChange={(chosen) => setAppearance({ motion: chosen })}
        />
        <Choice
          label={texts.keys}
          hint={texts.keysHint}
          words={texts.keysWords}
          value={keys}
          onChange={(chosen) => setAppearance({ keys: chosen })}
        />
      </div>
    </Section>
  );
}

type Word = Appearance[keyof Appearance];
type ChoiceProps<T extends Word> = {
  label: string;
  hint?: string;
  words: Readonly<Record<T, string>>;
  value: T;
  onChange(chosen: T): void;
};

function Choice<T extends Word>({ label, hint, words, value, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className={css.choice}>
      <div>
        <p id={id} className={css.choiceName}>
          {label}
        </p>
        {hint && <p className="quiet">{hint}</p>}
      </div>
      <SegmentedControl
        aria-labelledby={id}
        value={value}
        onChange={(chosen) => onChange(chosen as T)}
        data={(Object.keys(words) as T[]).map((word) => ({ value: word, label: words[word] }))}
      />
    </div>
  );
}
