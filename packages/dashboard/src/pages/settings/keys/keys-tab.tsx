/** Keys that prove people: the one of this browser, the person's others, and those that wait to be admitted or stand for others. */
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import { Alert, Button } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { useState } from 'react';
import { useMakeKey, useOwnKey } from '../../../api/own-key.ts';
import { useRead } from '../../../api/queries.ts';
import { keys as texts } from '../../../texts/keys.ts';
import { CodeBlock } from '../../../ui/code-block.tsx';
import { Fingerprint } from '../../../ui/fingerprint.tsx';
import { EmptyState, ErrorNotice, Fetched, Rows, Section } from '../../../ui/page.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import css from '../settings.module.css';
import { type KeyAct, KeyDialog } from './key-dialog.tsx';
import { KeyTable, keyStatus } from './key-table.tsx';

export function KeysTab() {
  const query = useRead('keys.list', {});
  const me = useRead('system.whoami', {}).data?.actor;
  const [act, setAct] = useState<KeyAct | null>(null);
  return (
    <div className={css.tab}>
      <ThisBrowser />
      <Section title={texts.all} flush>
        <Fetched query={query} skeleton={<Rows count={3} />}>
          {({ keys }) =>
            keys.length === 0 ? (
              <EmptyState title={texts.none} icon={<IconKey size={28} />} />
            ) : (
              <KeyTable keys={sorted(keys, me?.id)} onAct={setAct} />
            )
          }
        </Fetched>
      </Section>
      <KeyDialog act={act} onClose={() => setAct(null)} />
    </div>
  );
}

const order = { pending: 0, admitted: 1, revoked: 2 } as const;

/** Those that wait first, then one's own. */
function sorted(keys: readonly PersonKeyView[], own: string | undefined): PersonKeyView[] {
  const isOther = ({ user_id }: PersonKeyView) => Number(user_id !== own);
  return keys.toSorted((a, b) => order[a.state] - order[b.state] || isOther(a) - isOther(b));
}

function ThisBrowser() {
  const { state, id, view } = useOwnKey();
  const make = useMakeKey();
  const canMake = state === 'none' || state === 'unknown' || state === 'revoked';
  return (
    <Section title={texts.here}>
      <div className={css.form}>
        <p className="quiet">{texts.lead}</p>
        {state === 'loading' && <Rows count={1} />}
        {state === 'impossible' && (
          <Alert color="yellow" variant="light" title={texts.impossible}>
            {texts.impossibleHint}
          </Alert>
        )}
        {view && (
          <div>
            <StatusMark {...keyStatus(view)} form="chip" />
          </div>
        )}
        {canMake && (
          <p>{state === 'revoked' ? texts.revokedTitle : state === 'none' ? texts.hereNone : texts.unknownTitle}</p>
        )}
        {id !== null && <Fingerprint id={id} />}
        {state === 'pending' && id !== null && (
          <>
            <p>{texts.pendingText}</p>
            <CodeBlock text={texts.admitCommand(id)} />
          </>
        )}
        {make.error && <ErrorNotice error={make.error} title={texts.notTold} />}
        {canMake && (
          <div className={css.controls}>
            <Button onClick={() => make.mutate()} loading={make.isPending}>
              {state === 'revoked' ? texts.makeAnew : texts.make}
            </Button>
          </div>
        )}
        {canMake && <p className="quiet">{texts.firstHint}</p>}
      </div>
    </Section>
  );
}
