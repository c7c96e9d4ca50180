/** Adds a person: a name and a role; what comes of it is the link by which they sign in. */
import type { Role } from '@mainstay/contract/operation';
import { NativeSelect } from '@mantine/core';
import { settings } from '../../../texts/settings.ts';
import { useDraft } from '../../../ui/draft.ts';
import type { LinkMade } from '../made-link.tsx';
import { NameField, ReviewedForm } from '../reviewed-form.tsx';
import { roleChoices } from '../roles.ts';

const texts = settings.people;

export type PersonFormProps = {
  /** Role of who adds them. */
  own: Role | null;
  onMade(name: string, link: LinkMade): void;
  onCancel(): void;
};

export function PersonForm({ own, onMade, onCancel }: PersonFormProps) {
  const [draft, setDraft, discard] = useDraft<{ name: string; role: Role }>('people:add', { name: '', role: 'viewer' });
  const choices = roleChoices(own);
  const name = draft.name.trim();
  return (
    <ReviewedForm
      title={texts.add}
      submit={texts.review}
      review={{ title: texts.addTitle(name), text: texts.addText, confirm: texts.addDo }}
      changeOf={() =>
        name === ''
          ? { field: 'name', message: texts.nameEmpty }
          : { id: 'access.create_user', input: { name, role: draft.role } }
      }
      onCancel={onCancel}
      onAccepted={({ result }, close) => {
        discard();
        if (result === null) return;
        close();
        onMade(name, result as LinkMade);
      }}
    >
      {(refusal) => (
        <>
          <NameField
            label={texts.name}
            hint={texts.nameHint}
            value={draft.name}
            set={(name) => setDraft({ ...draft, name })}
            refusal={refusal}
            first
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
        </>
      )}
    </ReviewedForm>
  );
}
