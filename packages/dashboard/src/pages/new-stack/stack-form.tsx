/** The form of a new stack: repository, services, stack, and the way to the plan. Errors are shown at the inputs they are about. */
import type { AppError } from '@mainstay/contract/app-error';
import { Alert, Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useRef, useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { newStack as texts } from '../../texts/new-stack.ts';
import { refusalText } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import { emptyFields, inputOf, type Problems } from './draft-problems.ts';
import css from './new-stack.module.css';
import { Repository } from './repository/repository.tsx';
import { Services } from './services/services.tsx';
import { proposedStackName, type ServiceDraft, type StackDraft, specOf, tickedServers } from './stack-draft.ts';
import { StackSettings } from './stack-settings.tsx';

const route = getRouteApi('/stacks/new');

/** A dialog gives the focus back when it has closed; the input at fault is to have it after that. */
const focus_after_ms = 250;

export type StackFormProps = { draft: StackDraft; setDraft(next: StackDraft): void };

export function StackForm({ draft, setDraft }: StackFormProps) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [problems, setProblems] = useState<Problems>({});
  const [change, setChange] = useState<Change | null>(null);
  const stacks = useRead('stacks.list', {}).data?.stacks ?? [];
  const name = draft.name ?? proposedStackName(search.git ?? draft.services[0]?.source.git ?? '');
  const ticked = tickedServers(draft);
  const latest = useRef(draft);
  latest.current = draft;

  const show = useCallback((found: Problems) => {
    setProblems(found);
    const first = document.querySelector<HTMLElement>(
      Object.keys(found)
        .map((id) => `#${CSS.escape(id)}`)
        .join(', ') || 'none',
    );
    if (!first) return;
    setTimeout(() => {
      first.closest('details')?.setAttribute('open', '');
      first.scrollIntoView({ block: 'center' });
      first.focus();
    }, focus_after_ms);
  }, []);

  const refused = useCallback(
    (error: AppError) => {
      const input = inputOf(error.field ?? '', latest.current);
      if (input === null || !document.getElementById(input)) return;
      setChange(null);
      show({ [input]: refusalText(error) });
    },
    [show],
  );

  const review = () => {
    const taken = stacks.map((stack) => stack.name);
    const found = emptyFields(draft, name, taken);
    show(found);
    if (Object.keys(found).length > 0) return;
    setChange({ id: 'stacks.apply', input: { stack: name.trim(), spec: specOf(draft) } });
  };

  const clear = (id: string) => {
    if (!(id in problems)) return;
    const { [id]: _, ...rest } = problems;
    setProblems(rest);
  };

  const setServices = (services: ServiceDraft[], more: Partial<StackDraft> = {}) =>
    setDraft({ ...draft, ...more, services });

  return (
    <form
      className={css.form}
      noValidate
      onSubmit={(event) => {
        // Forms in dialogs are drawn elsewhere, but their events come by here.
        if (event.target !== event.currentTarget) return;
        event.preventDefault();
        review();
      }}
      onChange={(event) => clear((event.target as HTMLElement).id)}
    >
      <Repository
        onRef={(ref) =>
          setServices(
            draft.services.map((service) =>
              service.source.git === search.git ? { ...service, source: { ...service.source, ref } } : service,
            ),
          )
        }
      />
      <Services draft={draft} setDraft={setDraft} stack={name} problems={problems} />
      <StackSettings draft={draft} setDraft={setDraft} name={name} problems={problems} stacks={stacks} />
      <div className={css.submit}>
        {Object.keys(problems).length > 0 && (
          <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={texts.review.problems} role="alert">
            <ul className={css.problems}>
              {Object.entries(problems).map(([id, message]) => (
                <li key={id}>
                  <button
                    type="button"
                    className={css.problemLink}
                    onClick={() => show({ ...problems, [id]: message })}
                  >
                    {message}
                  </button>
                </li>
              ))}
            </ul>
          </Alert>
        )}
        <Button type="submit" size="md">
          {texts.review.button}
        </Button>
      </div>
      <ReviewChange
        change={change}
        title={draft.made === name ? texts.review.titleAgain(name) : texts.review.title(name)}
        confirm={ticked.length > 0 || draft.labels.trim() !== '' ? texts.review.confirm : texts.review.confirmWaiting}
        onClose={() => setChange(null)}
        onRefused={refused}
        onAccepted={() => {
          setDraft({ ...latest.current, made: name, name });
          setChange(null);
          void navigate({ search: (before) => ({ ...before, follow: name }) });
        }}
      >
        <p className="quiet">
          {texts.review.lead} {draft.made !== name && ticked.length > 0 && texts.review.afterwards(ticked)}
        </p>
      </ReviewChange>
    </form>
  );
}
