/**
 * Variables and secrets of a stack's services. Edits of all services are one draft, which survives a reload; saving applies the
 * stack's specification with them, after the difference was looked at. Values of secrets are never part of a draft.
 */
import type { AppError } from '@mainstay/contract/app-error';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Output } from '../../../api/client.ts';
import { environment as texts } from '../../../texts/stack/environment.ts';
import { unsaved } from '../../../texts/stack/forms.ts';
import { useDraft } from '../../../ui/draft.ts';
import { ReviewChange } from '../../../ui/review-change.tsx';
import css from '../forms.module.css';
import { ServicePicker } from '../service-picker.tsx';
import type { StackSearch } from '../stack-search.ts';
import { UnsavedBar } from '../unsaved-bar.tsx';
import { draftOf, type EnvDraft, type EnvDrafts, isEdited, problemsOf, specWith } from './env-rows.ts';
import { EnvTable } from './env-table.tsx';
import { SecretsSection } from './secrets-section.tsx';

const noDrafts: EnvDrafts = {};

export default function EnvironmentTab({ data, service }: { data: Output<'stacks.get'> } & StackSearch) {
  const { stack, spec } = data;
  const navigate = useNavigate({ from: '/stacks/$stack' });
  const [drafts, setDrafts, discard] = useDraft<EnvDrafts>(`env:${stack.name}`, noDrafts);
  const [saving, setSaving] = useState(false);
  const [refusal, setRefusal] = useState<AppError | null>(null);
  const names = Object.keys(spec.services);
  const chosen = service !== undefined && names.includes(service) ? service : (names[0] ?? '');
  const chosenSpec = spec.services[chosen];
  const edited = names.filter((name) => {
    const [draft, of] = [drafts[name], spec.services[name]];
    return draft !== undefined && of !== undefined && isEdited(draft, of);
  });
  if (!chosenSpec) return null;
  const draft = drafts[chosen] ?? draftOf(chosenSpec);
  const isBroken = edited.some((name) => problemsOf(drafts[name] ?? { rows: [], secrets: [] }).size > 0);
  const change = (next: EnvDraft) => {
    setRefusal(null);
    setDrafts({ ...drafts, [chosen]: next });
  };
  return (
    <div className={css.column}>
      {names.length > 1 && (
        <ServicePicker label={texts.services} services={names} value={chosen} edited={new Set(edited)} />
      )}
      <EnvTable service={chosen} names={names} draft={draft} refusal={refusal} onChange={change} />
      <SecretsSection stack={stack} spec={spec} service={chosen} draft={draft} onChange={change} />
      <UnsavedBar
        what={edited}
        refusal={stack.paused ? unsaved.paused : isBroken ? unsaved.fixFirst : null}
        onDiscard={() => {
          setRefusal(null);
          discard();
        }}
        onSave={() => setSaving(true)}
      />
      <ReviewChange
        change={saving ? { id: 'stacks.apply', input: { stack: stack.name, spec: specWith(spec, drafts) } } : null}
        title={texts.saveTitle(stack.name)}
        confirm={texts.saveConfirm}
        onClose={() => setSaving(false)}
        onSucceeded={discard}
        onRefused={(error) => {
          const at = /^spec\.services\.([^.]+)\.(env|secrets)\b/.exec(error.field ?? '')?.[1];
          if (at === undefined) return;
          setRefusal(error);
          setSaving(false);
          void navigate({ search: (old) => ({ ...old, service: at }), resetScroll: false });
        }}
      >
        <p className="quiet">{texts.saveLead}</p>
      </ReviewChange>
    </div>
  );
}
