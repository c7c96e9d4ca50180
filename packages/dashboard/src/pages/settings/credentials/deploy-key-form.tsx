/** Makes a deploy key: only its name is asked for. */
import { Button, TextInput } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { settings } from '../../../texts/settings.ts';
import { useDraft } from '../../../ui/draft.ts';
import { Section } from '../../../ui/page.tsx';
import { useRefusal } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import css from '../settings.module.css';

const texts = settings.credentials;

export type MadeKey = { name: string; public_key: string };

export function DeployKeyForm({ onMade, onCancel }: { onMade(key: MadeKey): void; onCancel(): void }) {
  const [name, setName, discard] = useDraft('credentials:deploy_key', '');
  const [change, setChange] = useState<Change | null>(null);
  const refusal = useRefusal(() => setChange(null));
  return (
    <Section title={texts.addKey}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() === '') return refusal.say('name', texts.nameEmpty);
          refusal.clear();
          setChange({ id: 'credentials.create_deploy_key', input: { name: name.trim() } });
        }}
      >
        <TextInput
          label={texts.name}
          description={texts.nameHint}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={refusal.at('name')}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        <div className={css.controls}>
          <Button type="submit">{texts.review}</Button>
          <Button variant="default" onClick={onCancel}>
            {general.cancel}
          </Button>
        </div>
      </form>
      <ReviewChange
        change={change}
        title={texts.keyTitle(name.trim())}
        confirm={texts.addKey}
        onClose={() => setChange(null)}
        onRefused={refusal.take}
        onAccepted={({ result }) => {
          const { public_key } = result as { public_key: string };
          setChange(null);
          discard();
          onMade({ name: name.trim(), public_key });
        }}
      >
        <p className="quiet">{texts.keyText}</p>
      </ReviewChange>
    </Section>
  );
}
