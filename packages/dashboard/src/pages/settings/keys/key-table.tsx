/** Keys of people as a table; on a phone each is a block. What may be done with each is offered to who may do it. */
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import { Button } from '@mantine/core';
import { useOwnKey } from '../../../api/own-key.ts';
import { keys as texts } from '../../../texts/keys.ts';
import { Fingerprint } from '../../../ui/fingerprint.tsx';
import { Foreign } from '../../../ui/foreign.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { TableHead } from '../../../ui/table-head.tsx';
import { Time } from '../../../ui/time.tsx';
import type { Status } from '../../../ui/words.ts';
import css from '../table.module.css';
import type { KeyAct } from './key-dialog.tsx';

const tones = { pending: 'warning', admitted: 'good', revoked: 'idle' } as const;

export function keyStatus({ state }: Pick<PersonKeyView, 'state'>): Status {
  return { tone: tones[state], word: texts.states[state] };
}

export function KeyTable({ keys, onAct }: { keys: readonly PersonKeyView[]; onAct(act: KeyAct): void }) {
  return (
    <table className={css.table}>
      <TableHead titles={[texts.columns.name, texts.columns.state, texts.columns.since]} />
      <tbody>
        {keys.map((key) => (
          <Row key={key.id} entry={key} onAct={onAct} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ entry, onAct }: { entry: PersonKeyView; onAct(act: KeyAct): void }) {
  const { view: own } = useOwnKey();
  const { id, name, user_name, state, registered_at, admitted_at, revoked_at, trust } = entry;
  const canSign = own?.state === 'admitted';
  const rules = own && (own.role === 'owner' || own.role === 'admin');
  const isOwn = own?.user_id === entry.user_id;
  return (
    <tr>
      <th scope="row" className={css.name}>
        <Foreign text={texts.nameOf(name, user_name)} />
        {id === own?.id && <span className="quiet"> · {texts.here}</span>}
        <div className={css.key}>
          <Fingerprint id={id} />
        </div>
      </th>
      <td>
        <StatusMark {...keyStatus(entry)} />
        {state === 'admitted' && trust === 'first_use' && <div className="quiet">{texts.firstUse}</div>}
      </td>
      <td className="quiet">
        <Time at={revoked_at ?? admitted_at ?? registered_at} />
      </td>
      <td className={css.acts}>
        {state === 'pending' && canSign && (isOwn || rules) && (
          <Button
            size="compact-sm"
            aria-label={texts.admitTitle(name, user_name)}
            onClick={() => onAct({ act: 'admit', entry })}
          >
            {texts.admit}
          </Button>
        )}
        {state !== 'revoked' && canSign && (isOwn || rules) && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={texts.revokeTitle(name, user_name)}
            onClick={() => onAct({ act: 'revoke', entry })}
          >
            {texts.revoke}
          </Button>
        )}
      </td>
    </tr>
  );
}
