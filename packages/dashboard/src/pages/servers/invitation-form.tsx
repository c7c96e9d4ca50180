/** Name, stack and life of the token of a new server; what is typed is kept until it was used. */
import type { AppError } from '@mainstay/contract/app-error';
import { Button, Select, TextInput } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback, useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { addServer as texts } from '../../texts/add-server.ts';
import { useDraft } from '../../ui/draft.ts';
import { Section } from '../../ui/page.tsx';
import { refusalText } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import css from './add-server.module.css';
import type { Invitation } from './add-server-page.tsx';
import { proposedName } from './enrol-progress.ts';

const route = getRouteApi('/servers/add');
const lives = ['900', '3600', '86400', '604800'] as const;
const none = '';

type Draft = { name: string | null; stack: string | null; expires: (typeof lives)[number] };
const empty: Draft = { name: null, stack: null, expires: '3600' };

export function InvitationForm({ onInvited }: { onInvited(invitation: Invitation): void }) {
  const search = route.useSearch();
  const [draft, setDraft, discard] = useDraft<Draft>(`add-server:${search.name ?? ''}`, empty);
  const [error, setError] = useState<{ field: string; message: string } | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  const servers = useRead('servers.list', {}).data?.servers;
  const stacks = useRead('stacks.list', {}).data?.stacks ?? [];
  const name = draft.name ?? search.name ?? (servers ? proposedName(servers.map((server) => server.name)) : '');
  const stack = draft.stack ?? search.stack ?? none;
  const refused = useCallback((refusal: AppError) => {
    setError({ field: refusal.field ?? '', message: refusalText(refusal) });
    setChange(null);
    const id = refusal.field === 'stack' ? 'invite-stack' : 'invite-server';
    setTimeout(() => document.getElementById(id)?.focus(), 50);
  }, []);
  const errorAt = (field: string) => (error?.field === field ? error.message : null);
  return (
    <Section>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() === '') return setError({ field: 'server', message: texts.nameEmpty });
          setError(null);
          const input = { server: name.trim(), expires_seconds: Number(draft.expires), ...(stack ? { stack } : {}) };
          setChange({ id: 'servers.invite', input });
        }}
      >
        <TextInput
          id="invite-server"
          label={texts.name}
          description={texts.nameHint}
          value={name}
          onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          error={errorAt('server')}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        <Select
          id="invite-stack"
          label={texts.stack}
          description={texts.stackHint}
          value={stack}
          onChange={(value) => setDraft({ ...draft, stack: value ?? none })}
          data={[
            { value: none, label: texts.stackNone },
            ...stacks.map((one) => ({ value: one.name, label: one.name })),
          ]}
          error={errorAt('stack')}
          allowDeselect={false}
          searchable={stacks.length > 8}
        />
        <Select
          label={texts.expires}
          value={draft.expires}
          onChange={(value) => setDraft({ ...draft, expires: (value as Draft['expires'] | null) ?? '3600' })}
          data={lives.map((value) => ({ value, label: texts.expiry[value] }))}
          error={errorAt('expires_seconds')}
          allowDeselect={false}
        />
        <Button type="submit" className={css.submit}>
          {texts.review}
        </Button>
      </form>
      <ReviewChange
        change={change}
        title={texts.reviewTitle(name)}
        confirm={texts.confirm}
        onClose={() => setChange(null)}
        onRefused={refused}
        onAccepted={({ result }) => {
          const made = result as Omit<Invitation, 'server'>;
          discard();
          setChange(null);
          onInvited({ server: name.trim(), token: made.token, install: made.install, expires_at: made.expires_at });
        }}
      >
        <p className="quiet">{texts.reviewLead}</p>
      </ReviewChange>
    </Section>
  );
}
