/** Makes a deploy key: only its name is asked for. */
import { settings } from '../../../texts/settings.ts';
import { useDraft } from '../../../ui/draft.ts';
import { NameField, ReviewedForm } from '../reviewed-form.tsx';

const texts = settings.credentials;

export type MadeKey = { name: string; public_key: string };

export function DeployKeyForm({ onMade, onCancel }: { onMade(key: MadeKey): void; onCancel(): void }) {
  const [draft, setDraft, discard] = useDraft('credentials:deploy_key', '');
  const name = draft.trim();
  return (
    <ReviewedForm
      title={texts.addKey}
      submit={texts.review}
      review={{ title: texts.keyTitle(name), text: texts.keyText, confirm: texts.addKey }}
      changeOf={() =>
        name === ''
          ? { field: 'name', message: texts.nameEmpty }
          : { id: 'credentials.create_deploy_key', input: { name } }
      }
      onCancel={onCancel}
      onAccepted={({ result }, close) => {
        const { public_key } = result as { public_key: string };
        close();
        discard();
        onMade({ name, public_key });
      }}
    >
      {(refusal) => (
        <NameField label={texts.name} hint={texts.nameHint} value={draft} set={setDraft} refusal={refusal} first />
      )}
    </ReviewedForm>
  );
}
