/** The way of a new server from its invitation to healthy services, ticking by itself; a step that takes long says what to check. */
import type { AppError } from '@mainstay/contract/app-error';
import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { base_url, type Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { addServer as texts } from '../../texts/add-server.ts';
import { servers as serverTexts } from '../../texts/servers.ts';
import { useNow } from '../../ui/clock.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { ErrorNotice, Rows, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { bytes, serviceStatus, type Tone } from '../../ui/words.ts';
import css from './add-server.module.css';
import { CommandLine } from './connect-machine.tsx';
import {
  type EnrolProgress,
  type EnrolStep,
  type EnrolStepState,
  enrolProgress,
  enrolSteps,
} from './enrol-progress.ts';
import { AssignStack } from './server-acts.tsx';

/** A step that is not done within this says what to check. */
const slow_after_ms = { connected: 60_000, reported: 15_000, runs: 60_000, healthy: 45_000 } as const;

const tones: Record<EnrolStepState, Tone> = { done: 'good', waiting: 'busy', failed: 'bad', later: 'idle' };

type Answer = Output<'servers.get'>;

export function EnrolChecklist({ name, query }: { name: string; query: UseQueryResult<Answer, AppError> }) {
  const services = useRead('services.list', { server: name }, { enabled: query.data !== undefined, every_ms: 3_000 });
  if (query.error?.code === 'NotFound') return <ErrorNotice error={query.error} title={texts.notFound} />;
  if (!query.data) {
    if (query.error) return <ErrorNotice error={query.error} retry={() => void query.refetch()} />;
    return (
      <Section title={texts.progress}>
        <Rows count={5} height={48} />
      </Section>
    );
  }
  const { server, reported } = query.data;
  const rows = services.data?.services ?? [];
  const progress = enrolProgress(server, reported, rows);
  return (
    <Section title={texts.progress}>
      <ol className={css.steps} aria-live="polite">
        {enrolSteps.map((step) => (
          <li key={step} className={css.step} data-state={progress.steps[step]}>
            <StatusMark tone={tones[progress.steps[step]]} word={texts.states[progress.steps[step]]} form="icon" />
            <div className={css.stepBody}>
              <p className={css.stepName}>{texts.steps[step]}</p>
              <StepDetail step={step} answer={query.data} progress={progress} services={rows} />
              {step === progress.current && step !== 'invited' && <SlowHelp key={step} step={step} />}
            </div>
          </li>
        ))}
      </ol>
      <Ending answer={query.data} progress={progress} />
    </Section>
  );
}

type StepDetailProps = {
  step: EnrolStep;
  answer: Answer;
  progress: EnrolProgress;
  services: Output<'services.list'>['services'];
};

function StepDetail({ step, answer: { server, reported }, progress, services }: StepDetailProps): ReactNode {
  const state = progress.steps[step];
  const { stack } = server;
  if (state === 'later') return null;
  switch (step) {
    case 'invited':
      return <Quiet>{texts.invitedAs(stack)}</Quiet>;
    case 'connected':
      return (
        <Quiet>{server.enrolled_at === null ? texts.waitingFor.connected : <Time at={server.enrolled_at} />}</Quiet>
      );
    case 'reported': {
      if (!reported) return <Quiet>{texts.waitingFor.reported}</Quiet>;
      const { hostname, os, arch, cpus, memory_bytes } = reported.facts;
      return (
        <Quiet>
          <Foreign text={`${hostname} · ${os} · ${arch} · ${serverTexts.cores(cpus)} · ${bytes(memory_bytes)}`} />
        </Quiet>
      );
    }
    case 'runs': {
      if (state === 'done') return <Quiet>{serverTexts.version(server.version ?? 0)}</Quiet>;
      const trouble = reported?.refusal?.message ?? (state === 'failed' ? reported?.receipt?.message : null);
      return (
        <Quiet>
          {trouble ? <Foreign text={trouble} chars_max={1_000} /> : texts.waitingFor.runs(stack ?? '')}
          <ServiceStates services={services} />
        </Quiet>
      );
    }
    case 'healthy':
      return (
        <Quiet>
          {state === 'waiting' && texts.waitingFor.healthy}
          <ServiceStates services={services} />
        </Quiet>
      );
  }
}

function Quiet({ children }: { children: ReactNode }) {
  return <div className="quiet">{children}</div>;
}

function ServiceStates({ services }: { services: Output<'services.list'>['services'] }) {
  return (
    <ul className={css.services}>
      {services.map((service) => (
        <li key={service.service}>
          <span>{service.service}</span>
          <StatusMark {...serviceStatus(service)} />
        </li>
      ))}
    </ul>
  );
}

/** What to check, once the step takes longer than it should. */
function SlowHelp({ step }: { step: keyof typeof slow_after_ms }) {
  const [since] = useState(Date.now);
  const now = useNow();
  if (now - since < slow_after_ms[step]) return null;
  return (
    <div className={css.slow}>
      <p>{texts.slowTitle}</p>
      <ul>
        {texts.slow[step].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {step === 'connected' && <CommandLine line={`curl -sS ${base_url}livez`} label={texts.slowTitle} />}
    </div>
  );
}

function Ending({ answer: { server }, progress }: { answer: Answer; progress: EnrolProgress }) {
  const [asks, setAsks] = useState(false);
  if (progress.current !== null) return null;
  return (
    <div className={css.ending}>
      <p className={css.endingTitle}>
        {progress.needs_stack ? texts.doneEmpty(server.name) : texts.doneTitle(server.name)}
      </p>
      <p className="quiet">{progress.needs_stack ? texts.runsNothing : texts.doneText}</p>
      <div className={css.endingButtons}>
        {progress.needs_stack && <Button onClick={() => setAsks(true)}>{texts.giveStack}</Button>}
        <Button
          variant={progress.needs_stack ? 'default' : 'filled'}
          renderRoot={(props) => <Link to="/servers/$server" params={{ server: server.name }} {...props} />}
        >
          {texts.openServer}
        </Button>
        <Button variant="default" renderRoot={(props) => <Link to="/servers/add" search={{}} {...props} />}>
          {texts.another}
        </Button>
      </div>
      <AssignStack server={server} opened={asks} onClose={() => setAsks(false)} />
    </div>
  );
}
