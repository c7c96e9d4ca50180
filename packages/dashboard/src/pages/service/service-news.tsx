/** What is under way or went wrong just now, on each server: said once, above the tabs. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Alert } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { service as texts } from '../../texts/service.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { Time } from '../../ui/time.tsx';
import { shortCommit } from '../../ui/words.ts';
import { DeploySteps } from '../stack/services/deploy-steps.tsx';
import { currentFailure } from '../stack/services/service-rows.ts';
import css from './service.module.css';

export function ServiceNews({ entries }: { entries: readonly ServiceOnServer[] }) {
  const several = entries.length > 1;
  return entries.map((entry) => <News key={entry.server} entry={entry} several={several} />);
}

function News({ entry, several }: { entry: ServiceOnServer; several: boolean }) {
  const { observed, server, server_online } = entry;
  const on = several ? ` · ${server}` : '';
  if (!server_online && observed) {
    return (
      <p className={css.offline}>
        <IconPlugConnectedX size={18} aria-hidden="true" />
        <span>
          {texts.offline(server)} {entry.reported_at !== null && <Time at={entry.reported_at} />}
        </span>
      </p>
    );
  }
  if (observed?.candidate) {
    const { commit, stage, since } = observed.candidate;
    return (
      <div className={css.deploying} role="status">
        <strong>
          {texts.deploying(shortCommit(commit))}
          {on}
        </strong>
        <DeploySteps stage={stage} />
        <span className="quiet">
          <Time at={since} form="for" />
        </span>
      </div>
    );
  }
  const failure = currentFailure(entry);
  if (!failure) return null;
  return (
    <Alert
      color="red"
      variant="light"
      icon={<IconAlertTriangle />}
      title={`${texts.failure.title(shortCommit(failure.commit), texts.failure.stages[failure.stage])}${on}`}
    >
      <p className={css.message}>
        <Foreign text={failure.message} chars_max={4_000} />
      </p>
      {failure.hint !== null && (
        <p className={css.hint}>
          <Foreign text={failure.hint} chars_max={1_000} />
        </p>
      )}
      <p className={css.hint}>
        <Time at={failure.at} />
        {observed?.commit &&
          observed.state === 'running' &&
          ` · ${texts.failure.stillServes(shortCommit(observed.commit))}`}
        {' · '}
        <Link
          to="/stacks/$stack/services/$service"
          params={{ stack: entry.stack, service: entry.service }}
          search={{ release: failure.release_id, ...(several ? { server } : {}) }}
        >
          {texts.failure.logs}
        </Link>
      </p>
    </Alert>
  );
}
