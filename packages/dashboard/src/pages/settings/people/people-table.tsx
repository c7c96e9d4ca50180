/** The people as a table; on a phone each is a block. Who stands above the reader is only shown. */
import type { Actor, Role } from '@mainstay/contract/operation';
import { Button, NativeSelect } from '@mantine/core';
import type { Output } from '../../../api/client.ts';
import { settings } from '../../../texts/settings.ts';
import { TableHead } from '../../../ui/table-head.tsx';
import { Time } from '../../../ui/time.tsx';
import { roleChoices, rolesWithin } from '../roles.ts';
import css from '../table.module.css';

const texts = settings.people;

export type User = Output<'access.list_users'>['users'][number];

export type PeopleTableProps = {
  users: readonly User[];
  me: Actor | null;
  mayChange: boolean;
  onRole(user: string, role: Role): void;
  onLink(user: string): void;
  onRemove(user: string): void;
};

export function PeopleTable({ users, ...props }: PeopleTableProps) {
  return (
    <table className={css.table}>
      <TableHead titles={[texts.columns.name, texts.columns.role, texts.columns.keys, texts.columns.seen]} />
      <tbody>
        {users.map((user) => (
          <PersonRow key={user.id} user={user} {...props} />
        ))}
      </tbody>
    </table>
  );
}

type PersonRowProps = Omit<PeopleTableProps, 'users'> & { user: User };

function PersonRow({ user, me, mayChange, onRole, onLink, onRemove }: PersonRowProps) {
  const { id, name, role, sessions, tokens, last_seen_at } = user;
  const own = me?.role ?? null;
  const isOffered = mayChange && rolesWithin(own).includes(role);
  const choices = roleChoices(own);
  return (
    <tr>
      <th scope="row" className={css.name}>
        {name} {id === me?.id && <span className="quiet">{texts.you}</span>}
      </th>
      <td>
        {isOffered ? (
          <NativeSelect
            size="xs"
            aria-label={texts.roleOf(name)}
            value={role}
            onChange={({ currentTarget: { value } }) => {
              const chosen = choices.find((choice) => choice.value === value);
              if (chosen) onRole(name, chosen.value);
            }}
            data={choices}
          />
        ) : (
          texts.roles[role]
        )}
      </td>
      <td className="quiet">{texts.keys(sessions, tokens)}</td>
      <td className="quiet">{last_seen_at === null ? texts.never : <Time at={last_seen_at} />}</td>
      <td className={css.acts}>
        {isOffered && (
          <>
            <Button size="compact-sm" variant="default" onClick={() => onLink(name)} aria-label={texts.linkTitle(name)}>
              {texts.link}
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => onRemove(name)}
              aria-label={texts.removeTitle(name)}
            >
              {texts.remove}
            </Button>
          </>
        )}
      </td>
    </tr>
  );
}
