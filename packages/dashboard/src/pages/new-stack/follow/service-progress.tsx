/** One service on one server on its way: its steps with their times, and the last lines that it printed. */
import { Link } from '@tanstack/react-router';
import { newStack } from '../../../texts/new-stack.ts';
import { useNow } from '../../../ui/clock.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { withoutEscapes } from '../../../ui/log-view/ansi.ts';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { duration, serviceStatus, shortCommit, type Tone } from '../../../ui/words.ts';
import { type Seen, type Step, type StepState, stepsOf } from '../deploy-steps.ts';
import css from './follow.module.css';
import { LogTail } from './log-tail.tsx';

const texts = newStack.follow;
const tones: Record<StepState, Tone> = { done: 'good', running: 'busy', failed: 'bad', skipped: 'idle', later: 'idle' };

export function ServiceProgress(seen: Seen) {
  const { service, receipt } = seen;
  const { observed } = service;
  const steps = stepsOf(seen);
  const failed = steps.find(({ state }) => state === 'failed');
  const printing = steps.some(({ step, state }) => step !== 'sync' && (state === 'running' || state === 'failed'));
  const isDone = steps.every(({ state }) => state === 'done' || state === 'skipped');
  const failure = failed ? observed?.last_failure : null;
  return (
    <section className={css.service} aria-label={`${service.service} ${texts.on(service.server)}`}>
      <header className={css.head}>
        <h2>
          <Link
            to="/stacks/$stack/services/$service"
            params={{ stack: service.stack, service: service.service }}
            search={{ server: service.server }}
          >
            {service.service}
          </Link>
        </h2>
        <span className="quiet">{texts.on(service.server)}</span>
        {service.desired_commit && (
          <code title={service.desired_commit}>
            <span className="visually-hidden">{texts.commit} </span>
            {shortCommit(service.desired_commit)}
          </code>
        )}
        {isDone && (
          <span className={css.state}>
            <StatusMark {...serviceStatus(service)} />
          </span>
        )}
      </header>
      <ol className={css.steps}>
        {steps.map((step) => (
          <StepMark key={step.step} step={step} builds={seen.builds} />
        ))}
      </ol>
      <p className={css.note}>{noteOf(seen, steps)}</p>
      {failure && (
        <div className={css.failure} role="alert">
          <p>
            <b>{texts.failedAt(texts.steps[failed?.step ?? 'start'])}</b>
          </p>
          <pre className={css.message}>
            <Foreign text={withoutEscapes(failure.message)} chars_max={4_000} />
          </pre>
          {failure.hint && (
            <p>
              <b>{texts.what}:</b> <Foreign text={failure.hint} />
            </p>
          )}
        </div>
      )}
      <LogTail service={service} isLive={!isDone && receipt?.state !== 'failed'} isOpen={printing} />
    </section>
  );
}

function StepMark({ step: { step, state, from, to }, builds }: { step: Step; builds: boolean }) {
  const more = state === 'skipped' ? (builds ? texts.builtBefore : texts.noBuild) : null;
  return (
    <li className={css.step} data-state={state}>
      <StatusMark tone={tones[state]} word={texts.states[state]} form="icon" />
      <div>
        <p>{texts.steps[step]}</p>
        <p className={css.time}>
          {state === 'running' && from !== null ? (
            <Running since={from} />
          ) : from !== null && to !== null ? (
            spent(to - from)
          ) : (
            more
          )}
        </p>
      </div>
    </li>
  );
}

function Running({ since }: { since: number }) {
  return duration(useNow() - since);
}

function spent(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(Math.max(0, milliseconds) / 1000).toFixed(1)} s` : duration(milliseconds);
}

/** Why nothing moves, where nothing does. */
function noteOf({ service, receipt }: Seen, steps: readonly Step[]): string {
  if (steps.some(({ state }) => state === 'running' || state === 'failed')) return '';
  if (steps.every(({ state }) => state === 'done' || state === 'skipped')) return '';
  if (!service.server_online) return texts.offline;
  if (receipt?.state === 'failed') return texts.stopped;
  return receipt ? texts.waitsForOthers : texts.notAccepted;
}
