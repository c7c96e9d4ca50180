/** The credentials as a table; on a phone each is a block. A public key is there to be copied, a token never is. */
import { Button, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Output } from '../../../api/client.ts';
import { settings } from '../../../texts/settings.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { TableHead } from '../../../ui/table-head.tsx';
import { Time } from '../../../ui/time.tsx';
import css from '../table.module.css';

const texts = settings.credentials;

export type Credential = Output<'credentials.list'>['credentials'][number];

export type CredentialTableProps = {
  credentials: readonly Credential[];
  mayChange: boolean;
  onExchange(credential: Credential): void;
  onRemove(credential: Credential): void;
};

export function CredentialTable({ credentials, ...acts }: CredentialTableProps) {
  return (
    <table className={css.table}>
      <TableHead titles={[texts.columns.name, texts.columns.kind, texts.columns.use, texts.columns.changed]} />
      <tbody>
        {credentials.map((credential) => (
          <CredentialRow key={credential.name} credential={credential} {...acts} />
        ))}
      </tbody>
    </table>
  );
}

type CredentialRowProps = Omit<CredentialTableProps, 'credentials'> & { credential: Credential };

function CredentialRow({ credential, mayChange, onExchange, onRemove }: CredentialRowProps) {
  const { name, kind, public_key, username, used_by, updated_at } = credential;
  return (
    <tr>
      <th scope="row" className={css.name}>
        {name}
      </th>
      <td>
        {texts.kinds[kind]}
        {kind === 'token' && username !== null && <span className="quiet"> {texts.username(username)}</span>}
        {public_key !== null && (
          <span className={css.key}>
            <code title={public_key}>{public_key}</code>
            <CopyButton text={public_key} label={texts.copyKey} />
          </span>
        )}
      </td>
      <td>
        {used_by.length === 0 ? (
          <span className="quiet">{texts.unused}</span>
        ) : (
          <span className={css.users}>
            {used_by.map((stack) => (
              <Link key={stack} to="/stacks/$stack" params={{ stack }}>
                {stack}
              </Link>
            ))}
          </span>
        )}
      </td>
      <td className="quiet">
        <Time at={updated_at} />
      </td>
      <td className={css.acts}>
        {mayChange && kind === 'token' && (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => onExchange(credential)}
            aria-label={texts.replaceLabel(name)}
          >
            {texts.replace}
          </Button>
        )}
        {mayChange && (
          <Tooltip label={texts.removeUsed(used_by)} disabled={used_by.length === 0} multiline maw={280}>
            <Button
              size="compact-sm"
              variant="default"
              aria-disabled={used_by.length > 0}
              data-disabled={used_by.length > 0 || undefined}
              onClick={() => used_by.length === 0 && onRemove(credential)}
              aria-label={texts.removeLabel(name)}
            >
              {texts.remove}
            </Button>
          </Tooltip>
        )}
      </td>
    </tr>
  );
}
