/** The common fields of the configuration as a form. Edits survive a reload; saving shows the difference first. */
import type { AppError } from '@mainstay/contract/app-error';
import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Output } from '../../../api/client.ts';
import { configuration as texts } from '../../../texts/stack/configuration.ts';
import { unsaved } from '../../../texts/stack/forms.ts';
import { useDraft } from '../../../ui/draft.ts';
import { ReviewChange } from '../../../ui/review-change.tsx';
import css from '../forms.module.css';
import { ServicePicker } from '../service-picker.tsx';
import type { StackSearch } from '../stack-search.ts';
import { UnsavedBar } from '../unsaved-bar.tsx';
import { FieldGroups } from './field-groups.tsx';
import { type ConfigurationDraft, fieldOfError, realEdits, serviceFields, specWith, stackFields } from './fields.ts';

const noDraft: ConfigurationDraft = {};

export default function ConfigurationTab({ data, service }: { data: Output<'stacks.get'> } & StackSearch) {
  const { stack, spec } = data;
  const navigate = useNavigate({ from: '/stacks/$stack' });
  const [draft, setDraft, discard] = useDraft<ConfigurationDraft>(`configuration:${stack.name}`, noDraft);
  const [saving, setSaving] = useState(false);
  const [refusal, setRefusal] = useState<AppError | null>(null);
  const names = Object.keys(spec.services);
  const chosen = service !== undefined && names.includes(service) ? service : (names[0] ?? '');
  const specOf = (name: string) => (name === '' ? spec : spec.services[name]);
  const edited = ['', ...names].filter((name) => Object.keys(realEdits(draft[name], specOf(name))).length > 0);
  const refused = refusal ? fieldOfError(refusal.field) : null;
  const groups = (name: string) => ({
    value: specOf(name),
    edits: draft[name] ?? {},
    refusal: refused?.service === name && refusal ? { path: refused.path, error: refusal } : null,
    onEdit: (path: string, text: string) => {
      if (refused?.service === name && refused.path === path) setRefusal(null);
      setDraft({ ...draft, [name]: { ...draft[name], [path]: text } });
    },
  });
  return (
    <div className={css.column}>
      <p className={css.hint}>
        {texts.lead}{' '}
        <Link to="/stacks/$stack" params={{ stack: stack.name }} search={{ tab: 'file', edit: true }}>
          {texts.leadLink}
        </Link>
      </p>
      {names.length > 1 && (
        <ServicePicker label={texts.services} services={names} value={chosen} edited={new Set(edited)} />
      )}
      <FieldGroups title={chosen} fields={serviceFields} {...groups(chosen)} />
      <FieldGroups title={texts.stackTitle} fields={stackFields} {...groups('')} />
      <UnsavedBar
        what={edited.map((name) => (name === '' ? texts.stackWide : name))}
        refusal={stack.paused ? unsaved.paused : null}
        onDiscard={() => {
          setRefusal(null);
          discard();
        }}
        onSave={() => setSaving(true)}
      />
      <ReviewChange
        change={saving ? { id: 'stacks.apply', input: { stack: stack.name, spec: specWith(spec, draft) } } : null}
        title={texts.saveTitle(stack.name)}
        confirm={texts.saveConfirm}
        onClose={() => setSaving(false)}
        onSucceeded={discard}
        onRefused={(error) => {
          const at = fieldOfError(error.field);
          if (!at) return;
          setRefusal(error);
          setSaving(false);
          if (at.service !== '')
            void navigate({ search: (old) => ({ ...old, service: at.service }), resetScroll: false });
        }}
      >
        <p className="quiet">{texts.saveLead}</p>
      </ReviewChange>
    </div>
  );
}
