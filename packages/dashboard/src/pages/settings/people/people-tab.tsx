/** The people: who there is, what each may do; adding, changing and removing them. Each change is reviewed first. */
import type { Role } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../../api/may.ts';
import { useRead } from '../../../api/queries.ts';
import { settings } from '../../../texts/settings.ts';
import { Fetched, Rows, Section } from '../../../ui/page.tsx';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import { type LinkMade, MadeLink } from '../made-link.tsx';
import css from '../settings.module.css';
import { PeopleTable } from './people-table.tsx';
import { PersonForm } from './person-form.tsx';

const texts = settings.people;
const route = getRouteApi('/settings');

type Act = { kind: 'role'; user: string; role: Role } | { kind: 'link' | 'remove'; user: string };

export function PeopleTab() {
  const { add } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useRead('access.list_users', {});
  const me = useRead('system.whoami', {}).data?.actor;
  const may = useMay()('people:write');
  const [act, setAct] = useState<Act | null>(null);
  const [made, setMade] = useState<{ user: string; link: LinkMade } | null>(null);
  const open = (form: 'person' | undefined) =>
    void navigate({ search: (before) => ({ ...before, add: form }), replace: true, resetScroll: false });
  return (
    <div className={css.tab}>
      <div className={css.line}>
        <p className="quiet">{may ? texts.lead : texts.leadReader}</p>
        {may && (
          <Button leftSection={<IconPlus size={15} />} onClick={() => open('person')}>
            {texts.add}
          </Button>
        )}
      </div>
      {made && <MadeLink made={made.link} text={texts.linkFor(made.user)} forget={() => setMade(null)} />}
      {may && add === 'person' && (
        <PersonForm
          own={me?.role ?? null}
          onMade={(user, link) => {
            setMade({ user, link });
            open(undefined);
          }}
          onCancel={() => open(undefined)}
        />
      )}
      <Section flush>
        <Fetched query={query} skeleton={<Rows count={3} />}>
          {({ users }) => (
            <PeopleTable
              users={users}
              me={me ?? null}
              mayChange={may}
              onRole={(user, role) => setAct({ kind: 'role', user, role })}
              onLink={(user) => setAct({ kind: 'link', user })}
              onRemove={(user) => setAct({ kind: 'remove', user })}
            />
          )}
        </Fetched>
      </Section>
      <ReviewChange
        change={act && changeOf(act)}
        title={act ? titleOf(act) : ''}
        confirm={act ? texts.confirm[act.kind] : ''}
        {...(act?.kind === 'remove' ? { typeToConfirm: act.user } : {})}
        onClose={() => setAct(null)}
        onAccepted={({ result }) => {
          if (act?.kind !== 'link' || result === null) return;
          setMade({ user: act.user, link: result as LinkMade });
          setAct(null);
        }}
      >
        {act && <p className="quiet">{texts.act[act.kind]}</p>}
      </ReviewChange>
    </div>
  );
}

function changeOf(act: Act): Change {
  const { user } = act;
  if (act.kind === 'role') return { id: 'access.set_role', input: { user, role: act.role } };
  if (act.kind === 'link') return { id: 'access.create_sign_in_link', input: { user, expires_seconds: 86_400 } };
  return { id: 'access.remove_user', input: { user } };
}

function titleOf(act: Act): string {
  if (act.kind === 'role') return texts.roleTitle(act.user, texts.roles[act.role]);
  return act.kind === 'link' ? texts.linkTitle(act.user) : texts.removeTitle(act.user);
}
