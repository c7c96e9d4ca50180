/** Health: what is checked and how, how the last checks went on each server, and how it was over time. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { service } from '../../texts/service.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { EmptyState, Section } from '../../ui/page.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { absoluteTime, Time, timeOfDay } from '../../ui/time.tsx';
import { HealthHistory } from './health-history.tsx';
import css from './service.module.css';
import type { TabProps } from './tab-props.ts';

const texts = service.health;
const tones = { healthy: 'good', unhealthy: 'warning', unknown: 'idle' } as const;

export default function HealthTab({ stack, service: name, entries, spec }: TabProps) {
  const check = spec?.services[name]?.health;
  return (
    <div className={css.sections}>
      {check && (
        <Section title={texts.check}>
          <p className={css.check}>
            <strong>
              {check.type === 'http'
                ? texts.http(check.path, check.interval_seconds)
                : texts.tcp(check.interval_seconds)}
            </strong>
            {': '}
            {check.type === 'http' ? texts.httpGood(check.timeout_seconds) : texts.tcpGood(check.timeout_seconds)};{' '}
            {texts.thresholds(check.healthy_threshold, check.unhealthy_threshold)};{' '}
            {texts.start(check.start_timeout_seconds)}.
          </p>
        </Section>
      )}
      <HealthHistory stack={stack} service={name} entries={entries} />
      {entries.map((entry) => (
        <Section key={entry.server} title={texts.now(entry.server)} flush>
          <Now entry={entry} />
        </Section>
      ))}
    </div>
  );
}

function Now({ entry: { observed, server } }: { entry: ServiceOnServer }) {
  const health = observed?.health;
  if (!health || (health.recent.length === 0 && health.checked_at === null)) {
    return <EmptyState title={texts.states.unknown}>{texts.none}</EmptyState>;
  }
  return (
    <>
      <div className={css.healthNow}>
        <StatusMark tone={tones[health.state]} word={texts.states[health.state]} form="chip" />
        {health.checked_at !== null && (
          <span className="quiet">
            {texts.lastChecked} <Time at={health.checked_at} />
          </span>
        )}
        {health.status !== null && <span className="quiet">{texts.status(health.status)}</span>}
        {health.latency_ms !== null && <span className="quiet">{health.latency_ms} ms</span>}
        {health.consecutive_failures > 0 && <span>{texts.failures(health.consecutive_failures)}</span>}
        {health.state === 'unhealthy' && health.message !== null && (
          <p className={css.message}>
            <Foreign text={health.message} chars_max={1_000} />
          </p>
        )}
      </div>
      {health.recent.length > 0 && (
        <Scroller className={css.scroll} data-short aria-label={texts.answers(server)}>
          <table className={css.table}>
            <thead>
              <tr>
                <th scope="col">{texts.columns.at}</th>
                <th scope="col">{texts.columns.outcome}</th>
                <th scope="col">{texts.columns.latency}</th>
                <th scope="col">{texts.columns.message}</th>
              </tr>
            </thead>
            <tbody>
              {health.recent.toReversed().map(({ at, ok, latency_ms, message }) => (
                <tr key={at}>
                  <td title={absoluteTime(at)}>{timeOfDay(at)}</td>
                  <td>
                    <StatusMark tone={ok ? 'good' : 'warning'} word={ok ? texts.good : texts.bad} />
                  </td>
                  <td>{latency_ms === null ? texts.noAnswer : `${latency_ms} ms`}</td>
                  <td className={css.answer}>{message !== null && <Foreign text={message} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </>
  );
}
