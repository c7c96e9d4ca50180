/** Below a service: the deploy that is under way, step by step, or why the last one failed and what to do. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { services as texts } from '../../../texts/stack/services.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { Time } from '../../../ui/time.tsx';
import { shortCommit } from '../../../ui/words.ts';
import { DeploySteps } from './deploy-steps.tsx';
import { currentFailure } from './service-rows.ts';
import css from './services.module.css';

/** Lines of what was printed; the log has them all. */
const printed_lines_max = 6;

/** Rows of the table, each over all its columns. */
export function ServiceNotes({ entry, columns }: { entry: ServiceOnServer; columns: number }) {
  const { observed } = entry;
  const failure = currentFailure(entry);
  const isUnhealthy = observed?.health.state === 'unhealthy' && observed.health.message !== null;
  return (
    <>
      {observed?.candidate && entry.server_online && (
        <Note tone="busy" columns={columns}>
          <div className={css.noteLine}>
            <strong>{texts.deploying(shortCommit(observed.candidate.commit))}</strong>
            <DeploySteps stage={observed.candidate.stage} />
            <span className="quiet">
              <Time at={observed.candidate.since} form="for" />
            </span>
            <LogLink entry={entry} release={observed.candidate.release_id} />
          </div>
        </Note>
      )}
      {failure && (
        <Note tone="bad" columns={columns}>
          <div className={css.noteLine}>
            <StatusMark tone="bad" word={texts.failed(shortCommit(failure.commit), texts.failedAt[failure.stage])} />
            <span className="quiet">
              <Time at={failure.at} />
            </span>
            <LogLink entry={entry} release={failure.release_id} />
          </div>
          <FailureText message={failure.message} hint={failure.hint} />
          {observed?.commit && observed.state === 'running' && (
            <p className={css.hint}>{texts.stillServes(shortCommit(observed.commit))}</p>
          )}
        </Note>
      )}
      {observed?.state === 'crash_looping' && !failure && (
        <Note tone="bad" columns={columns}>
          <div className={css.noteLine}>
            <span>{texts.crashing(observed.restarts)}</span>
            <Link
              to="/stacks/$stack/services/$service"
              params={{ stack: entry.stack, service: entry.service }}
              search={{ tab: 'crashes', server: entry.server }}
              className={css.logLink}
            >
              {texts.seeCrashes}
            </Link>
          </div>
        </Note>
      )}
      {isUnhealthy && !failure && (
        <Note tone="warning" columns={columns}>
          <p className={css.message}>
            {texts.unhealthy} <Foreign text={observed?.health.message ?? ''} chars_max={1_000} />
          </p>
        </Note>
      )}
    </>
  );
}

/** The sentence, what to do, and the end of what was printed: the last lines say most. */
function FailureText({ message, hint }: { message: string; hint: string | null }) {
  const [sentence = '', ...printed] = message.split('\n');
  const last = printed.filter((line) => line.trim() !== '').slice(-printed_lines_max);
  return (
    <>
      <p className={css.message}>
        <Foreign text={sentence} chars_max={1_000} />
      </p>
      {last.length > 0 && (
        <pre className={css.printed}>
          <Foreign text={last.join('\n')} chars_max={4_000} />
        </pre>
      )}
      {hint !== null && (
        <p className={css.hint}>
          <Foreign text={hint} />
        </p>
      )}
    </>
  );
}

type NoteProps = { tone: 'busy' | 'bad' | 'warning'; columns: number; children: ReactNode };

function Note({ tone, columns, children }: NoteProps) {
  return (
    <tr className={css.noteRow}>
      <td colSpan={columns}>
        <div className={css.note} data-tone={tone}>
          {children}
        </div>
      </td>
    </tr>
  );
}

function LogLink({ entry: { stack, service, server }, release }: { entry: ServiceOnServer; release: string }) {
  return (
    <Link
      to="/stacks/$stack/services/$service"
      params={{ stack, service }}
      search={{ tab: 'logs', server, release }}
      className={css.logLink}
    >
      {texts.seeLogs}
    </Link>
  );
}
