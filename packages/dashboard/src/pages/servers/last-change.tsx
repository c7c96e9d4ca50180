/** The receipt of the newest change that a server accepted: what became of it, service by service. */
import type { Receipt } from '@mainstay/contract/agent-api';
import { Link } from '@tanstack/react-router';
import { servers } from '../../texts/servers.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { withoutEscapes } from '../../ui/log-view/ansi.ts';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { duration, type Tone } from '../../ui/words.ts';
import css from './server.module.css';

const texts = servers.receipt;
const tones = { running: 'busy', succeeded: 'good', failed: 'bad' } as const;
const serviceTones: Record<keyof typeof texts.service, Tone> = {
  unchanged: 'idle',
  switched: 'good',
  removed: 'idle',
  failed: 'bad',
  waiting: 'busy',
};

export function LastChange({ receipt }: { receipt: Receipt | null }) {
  if (!receipt) return <p className="quiet">{texts.none}</p>;
  const { state, version, started_at, finished_at, message, hint, operation_id } = receipt;
  return (
    <div className={css.receipt}>
      <p className={css.receiptHead}>
        <StatusMark tone={tones[state]} word={texts.state[state]} />
        <span>{texts.version(version)}</span>
        <span className="quiet">
          <Time at={finished_at ?? started_at} />
          {finished_at !== null && `, ${texts.took(tookWords(finished_at - started_at))}`}
        </span>
        <Link to="/operations/$id" params={{ id: operation_id }}>
          {texts.operation}
        </Link>
      </p>
      {message && (
        <pre className={`printed ${css.message}`}>
          <Foreign text={withoutEscapes(message)} chars_max={4_000} />
        </pre>
      )}
      {hint && (
        <p className="quiet">
          <Foreign text={hint} />
        </p>
      )}
      <ul className={css.receiptServices}>
        {Object.entries(receipt.services).map(([service, outcome]) => (
          <li key={service}>
            <StatusMark tone={serviceTones[outcome.state]} word={texts.service[outcome.state]} />
            <span className={css.serviceName}>{service}</span>
            {outcome.message && outcome.message !== message && (
              <span className="quiet">
                <Foreign text={outcome.message} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Short times with a tenth, as builds are compared by them. */
function tookWords(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : duration(milliseconds);
}
