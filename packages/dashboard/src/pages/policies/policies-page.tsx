/** The rules in force: in words and as text, where they come from, whether the files are sound; and a form to try a case. */
import { Alert } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { policies as texts } from '../../texts/policies.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import facts from '../../ui/facts.module.css';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { EmptyState, Fetched, Page, Rows, Section } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import { CaseForm } from './case-form.tsx';
import css from './policies.module.css';
import { RuleRow } from './rule-row.tsx';

type Policies = Output<'policies.get'>;

/** Files may change at any time, and no topic of the live connection tells it. */
const every_ms = 10_000;

export function PoliciesPage() {
  const query = useRead('policies.get', {}, { every_ms });
  return (
    <Page title={texts.title} lead={texts.lead}>
      <Fetched query={query} skeleton={<Rows count={10} height={62} />}>
        {({ policies, alerts }) => (
          <>
            <Problems policies={policies} alerts={alerts} />
            <Section title={texts.rules(policies.rules.length)} flush>
              {policies.rules.length === 0 ? (
                <EmptyState title={texts.none} />
              ) : (
                <ul className={css.rules} aria-label={texts.title}>
                  {policies.rules.map(({ name, rule }) => (
                    <RuleRow key={name} name={name} rule={rule} />
                  ))}
                </ul>
              )}
              <p className={css.how}>{texts.how}</p>
            </Section>
            <CaseForm />
            <Source policies={policies} />
          </>
        )}
      </Fetched>
    </Page>
  );
}

function Problems({ policies: { error }, alerts }: Policies) {
  const others = alerts.filter(({ message }) => message !== error?.message);
  return (
    <>
      {error && (
        <Alert color="red" variant="light" icon={<IconAlertTriangle />} title={texts.broken} role="alert">
          <p className={css.problem}>
            {error.file !== null && <code>{visible(error.file)}: </code>}
            <Foreign text={error.message} chars_max={4_000} />
          </p>
          {error.hint !== null && <Foreign text={error.hint} />} <Time at={error.since} />
        </Alert>
      )}
      {others.map(({ kind, message, hint, since }) => (
        <Alert key={`${kind} ${message}`} color="red" variant="light" icon={<IconAlertTriangle />} role="alert">
          <p className={css.problem}>
            <Foreign text={message} chars_max={4_000} />
          </p>
          <Foreign text={hint} /> <Time at={since} />
        </Alert>
      ))}
    </>
  );
}

function Source({ policies: { source, folder, files, digest, loaded_at } }: Pick<Policies, 'policies'>) {
  const words = texts.source;
  return (
    <Section title={words.title}>
      <p>{words[source]}</p>
      <dl className={facts.facts}>
        {folder !== null && (
          <div>
            <dt>{words.folderName}</dt>
            <dd>
              <code>{visible(folder)}</code> <CopyButton text={folder} />
            </dd>
          </div>
        )}
        {files.map(({ name, sha256 }, index) => (
          <div key={name}>
            <dt>{index === 0 ? words.files : ''}</dt>
            <dd>
              <code>{visible(name)}</code>{' '}
              <span className="quiet">
                {source === 'default' ? words.builtIn : null} <code title={sha256}>{sha256.slice(0, 12)}</code>
              </span>
            </dd>
          </div>
        ))}
        <div>
          <dt>{words.digest}</dt>
          <dd>
            <code title={digest}>{digest.slice(0, 12)}</code> <CopyButton text={digest} />
          </dd>
        </div>
        <div>
          <dt>{words.loaded}</dt>
          <dd>
            <Time at={loaded_at} />
          </dd>
        </div>
      </dl>
    </Section>
  );
}
