/**
 * A first deployment as it happens: every service on every server, step by step, to the address that answers, or to what went
 * wrong and what to do. All of it is read from what agents reported, so that it is the same after a reload.
 */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Alert, Button } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import { useQueries } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import type { Output } from '../../../api/client.ts';
import { readOptions, useRead } from '../../../api/queries.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { Foreign } from '../../../ui/foreign.tsx';
import { withoutEscapes } from '../../../ui/log-view/ansi.ts';
import { ErrorNotice, Page, Rows, Section } from '../../../ui/page.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import type { Tone } from '../../../ui/words.ts';
import { type DeployOutcome, outcomeOf, type Standing, standingOf } from '../deploy-steps.ts';
import css from './follow.module.css';
import { NextServer, WaitingForServer } from './next-server.tsx';
import { ServiceProgress } from './service-progress.tsx';

const texts = newStack.follow;
const route = getRouteApi('/stacks/new');
const events_max = 500;
const every_ms = 2_000;

export type FollowDeploymentProps = {
  stack: string;
  /** Servers that were chosen for it, and may not have been given it yet. */
  wanted: readonly string[];
  /** It is up everywhere: what was typed for it has been used. */
  onDone(): void;
};

export function FollowDeployment({ stack, ...rest }: FollowDeploymentProps) {
  const query = useRead('stacks.get', { stack }, { every_ms });
  if (!query.data) {
    return (
      <Page title={texts.title(stack)} actions={<Edit />}>
        {query.error ? (
          <ErrorNotice error={query.error} retry={() => void query.refetch()} />
        ) : (
          <Section>
            <Rows count={5} />
          </Section>
        )}
      </Page>
    );
  }
  return <Following answer={query.data} {...rest} />;
}

const tones: Record<DeployOutcome, Tone> = { none: 'idle', running: 'busy', succeeded: 'good', failed: 'bad' };

type FollowingProps = Omit<FollowDeploymentProps, 'stack'> & { answer: Output<'stacks.get'> };

function Following({ answer, wanted, onDone }: FollowingProps) {
  const { stack, spec } = answer;
  const name = stack.name;
  const listed = useRead('services.list', { stack: name }, { every_ms }).data?.services ?? [];
  // What a server still runs of its former stack is no part of this.
  const meant = listed.filter(({ desired_release_id }) => desired_release_id !== null);
  const services = meant.toSorted((a, b) => Number(hasFailed(b)) - Number(hasFailed(a)));
  const events = useRead('events.list', { stack: name, limit: events_max }).data?.events ?? [];
  const servers = useQueries({ queries: stack.servers.map((server) => readOptions('servers.get', { server })) });
  const standings = new Map(
    stack.servers.map((server, index): [string, Standing] => {
      const reported = servers[index]?.data?.reported ?? null;
      return [server, standingOf(reported, stack.id, stack.version, stack.updated_at)];
    }),
  );
  const outcome = outcomeOf([...standings.values()], services);
  const next = wanted.filter((server) => !stack.servers.includes(server));
  const isDone = outcome === 'succeeded' && next.length === 0;
  useEffect(() => {
    if (isDone) onDone();
  }, [isDone, onDone]);
  const title = {
    none: texts.titleWaiting,
    running: texts.title,
    succeeded: texts.titleDone,
    failed: texts.titleFailed,
  };
  return (
    <Page
      title={title[outcome](name)}
      aside={<StatusMark tone={tones[outcome]} word={texts.outcome[outcome]} form="chip" />}
      actions={
        <>
          {!isDone && <Edit />}
          <Button
            variant={outcome === 'succeeded' && !stack.url ? 'filled' : 'default'}
            renderRoot={(props) => <Link to="/stacks/$stack" params={{ stack: name }} {...props} />}
          >
            {texts.open}
          </Button>
        </>
      }
    >
      <div aria-live="polite" className={css.outcome}>
        {outcome === 'succeeded' && <Success url={stack.url} />}
        {outcome === 'failed' && <Failure standings={[...standings]} services={services} />}
        {next.length > 0 && <NextServer key={next[0]} server={next[0]!} stack={name} />}
        {outcome === 'none' && next.length === 0 && <WaitingForServer stack={name} />}
      </div>
      {stack.servers.length > 0 && services.length === 0 && <Rows count={5} />}
      {services.map((service) => (
        <ServiceProgress
          key={`${service.server}/${service.service}`}
          service={service}
          events={events}
          receipt={standings.get(service.server)?.receipt ?? null}
          builds={spec.services[service.service]?.build !== undefined}
        />
      ))}
    </Page>
  );
}

function Edit() {
  const navigate = route.useNavigate();
  return (
    <Button
      variant="default"
      title={texts.editHint}
      onClick={() => void navigate({ search: ({ follow: _, ...rest }) => rest })}
    >
      {texts.edit}
    </Button>
  );
}

function Success({ url }: { url: string | null }) {
  return (
    <Alert color="green" variant="light" icon={<IconCircleCheck />} title={url ? texts.doneText : texts.doneNoRoute}>
      {url && (
        <div className={css.url}>
          <Button component="a" href={url} target="_blank" rel="noreferrer">
            {texts.visit}
          </Button>
          <a href={url} target="_blank" rel="noreferrer">
            {url}
          </a>
          <CopyButton text={url} />
        </div>
      )}
    </Alert>
  );
}

function hasFailed({ observed, desired_release_id }: ServiceOnServer): boolean {
  return observed?.last_failure?.release_id === desired_release_id && !observed?.candidate;
}

type FailureProps = { standings: [string, Standing][]; services: readonly ServiceOnServer[] };

/** What each server that could not carry it out says; what a service says of itself is told with the service. */
function Failure({ standings, services }: FailureProps) {
  return standings.map(([server, { receipt, refusal }]): ReactNode => {
    if (!refusal && receipt?.state !== 'failed') return null;
    const failed = services.filter((service) => service.server === server && hasFailed(service));
    const isTold = !refusal && failed.length > 0;
    return (
      <Alert
        key={server}
        color="red"
        variant="light"
        icon={<IconAlertTriangle />}
        title={
          refusal
            ? texts.refusedBy(server)
            : texts.failedOn(
                server,
                failed.map(({ service }) => service),
              )
        }
        role="alert"
      >
        {!isTold && (
          <pre className={css.message}>
            <Foreign text={withoutEscapes(refusal?.message ?? receipt?.message ?? '')} chars_max={4_000} />
          </pre>
        )}
        {!isTold && receipt?.hint && (
          <p>
            <b>{texts.what}:</b> <Foreign text={receipt.hint} />
          </p>
        )}
        <p className="quiet">{texts.editHint}</p>
      </Alert>
    );
  });
}
