/** Adds a person: a name and a role; what comes of it is the link by which they sign in. */
import type { Role } from '@mainstay/contract/operation';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { settings } from '../../../texts/settings.ts';
import { useDraft } from '../../../ui/draft.ts';
import { Section } from '../../../ui/page.tsx';
import { useRefusal } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import type { LinkMade } from '../made-link.tsx';
import { roleChoices } from '../roles.ts';
import css from '../settings.module.css';

const texts = settings.people;

export type PersonFormProps = {
  /** Role of who adds them. */
  own: Role | null;
  onMade(name: string, link: LinkMade): void;
  onCancel(): void;
};

export function PersonForm({ own, onMade, onCancel }: PersonFormProps) {
  const [draft, setDraft, discard] = useDraft<{ name: string; role: Role }>('people:add', { name: '', role: 'viewer' });
  const [change, setChange] = useState<Change | null>(null);
  const refusal = useRefusal(() => setChange(null));
  const choices = roleChoices(own);
  const name = draft.name.trim();
  return (
    <Section title={texts.add}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (name === '') return refusal.say('name', texts.nameEmpty);
          refusal.clear();
          setChange({ id: 'access.create_user', input: { name, role: draft.role } });
        }}
      >
        <TextInput
          label={texts.name}
          description={texts.nameHint}
          value={draft.name}
          onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          error={refusal.at('name')}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        <NativeSelect
          label={texts.role}
          description={texts.hints[draft.role]}
          value={draft.role}
          onChange={({ currentTarget: { value } }) => {
            const chosen = choices.find((choice) => choice.value === value);
            if (chosen) setDraft({ ...draft, role: chosen.value });
          }}
          error={refusal.at('role')}
          data={choices}
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
        title={texts.addTitle(name)}
        confirm={texts.addDo}
        onClose={() => setChange(null)}
        onRefused={refusal.take}
        onAccepted={({ result }) => {
          discard();
          if (result === null) return;
          setChange(null);
          onMade(name, result as LinkMade);
        }}
      >
        <p className="quiet">{texts.addText}</p>
      </ReviewChange>
    </Section>
  );
}
