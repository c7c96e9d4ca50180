/** Sessions and tokens as tables; on a phone each is a block. */
import { Button } from '@mantine/core';
import type { Output } from '../../../api/client.ts';
import { settings } from '../../../texts/settings.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { TableHead } from '../../../ui/table-head.tsx';
import { absoluteTime, Time } from '../../../ui/time.tsx';
import css from '../table.module.css';

const texts = settings.access;

type Session = Output<'access.list_sessions'>['sessions'][number];
type Token = Output<'access.list_tokens'>['tokens'][number];

export function TokenTable({ tokens, onRevoke }: { tokens: readonly Token[]; onRevoke(token: Token): void }) {
  return (
    <table className={css.table}>
      <TableHead titles={[texts.columns.name, texts.columns.role, texts.columns.used, texts.columns.ends]} />
      <tbody>
        {tokens.map((token) => (
          <tr key={token.id}>
            <th scope="row" className={css.name}>
              <Foreign text={token.name} />
            </th>
            <td>{settings.people.roles[token.role]}</td>
            <Used at={token.last_used_at} />
            <td className="quiet">{token.expires_at === null ? texts.noEnd : absoluteTime(token.expires_at)}</td>
            <td className={css.acts}>
              <Button
                size="compact-sm"
                variant="default"
                onClick={() => onRevoke(token)}
                aria-label={texts.revokeTitle(token.name)}
              >
                {texts.revoke}
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function SessionTable({ sessions, onEnd }: { sessions: readonly Session[]; onEnd(session: Session): void }) {
  return (
    <table className={css.table}>
      <TableHead titles={[texts.columns.browser, texts.columns.began, texts.columns.used, texts.columns.ends]} />
      <tbody>
        {sessions.map((session) => (
          <tr key={session.id}>
            <th scope="row" className={css.name}>
              <Foreign text={session.user_agent ?? texts.unknown} />
            </th>
            <td className="quiet">
              <Time at={session.created_at} />
            </td>
            <Used at={session.last_used_at} />
            <td className="quiet">{absoluteTime(session.expires_at)}</td>
            <td className={css.acts}>
              {session.is_current ? (
                texts.current
              ) : (
                <Button size="compact-sm" variant="default" onClick={() => onEnd(session)}>
                  {texts.end}
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Used({ at }: { at: number | null }) {
  return <td className="quiet">{at === null ? settings.people.never : <Time at={at} />}</td>;
}
