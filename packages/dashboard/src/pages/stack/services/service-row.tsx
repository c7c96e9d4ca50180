/** One service on one server: how it is now, and below it what is under way or went wrong. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { services as texts } from '../../../texts/stack/services.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { Foreign } from '../../../ui/foreign.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { Time } from '../../../ui/time.tsx';
import { bytes, percent, serviceStatus, shortCommit } from '../../../ui/words.ts';
import { HealthBar } from './health-bar.tsx';
import { ServiceNotes } from './service-notes.tsx';
import { servingRelease } from './service-rows.ts';
import css from './services.module.css';

export type ServiceRowProps = {
  entry: ServiceOnServer;
  /** First of the rows of its service: the others need not repeat what is of the service. */
  isFirst: boolean;
  /** Whether there are several servers to tell apart. */
  servers: boolean;
};

/** Drawn again only when the server reported something else: what was fetched again and is the same is the same object. */
export const ServiceRow = memo(function ServiceRow({ entry, isFirst, servers }: ServiceRowProps) {
  const { observed } = entry;
  const running = observed?.state === 'running' || observed?.state === 'unhealthy';
  const columns = texts.columns;
  return (
    <>
      <tr className={css.row}>
        <th scope="row" className={css.service}>
          <Link
            to="/stacks/$stack/services/$service"
            params={{ stack: entry.stack, service: entry.service }}
            className={css.name}
            data-repeated={!isFirst || undefined}
          >
            {entry.service}
          </Link>
          {isFirst && (
            <span className={css.route} title={entry.route ?? texts.internal}>
              {entry.route ?? texts.internal}
            </span>
          )}
        </th>
        <td className={css.state}>
          <StatusMark {...serviceStatus(entry)} />
        </td>
        {servers && (
          <td className={css.server}>
            <Link to="/servers/$server" params={{ server: entry.server }}>
              {entry.server}
            </Link>
          </td>
        )}
        <td className={css.release}>
          <Release entry={entry} />
        </td>
        <td className={css.number} data-word={columns.up}>
          {running && observed.since !== null ? <Time at={observed.since} form="for" /> : texts.notYet}
        </td>
        <td className={css.number} data-word={columns.restarts}>
          {observed ? (
            <span data-many={observed.restarts > 0 || undefined} title={texts.restartsHint}>
              {observed.restarts}
            </span>
          ) : (
            texts.notYet
          )}
        </td>
        <td className={css.number} data-word={columns.cpu}>
          {running && observed.cpu_fraction !== null ? percent(observed.cpu_fraction) : texts.notYet}
        </td>
        <td className={css.number} data-word={columns.memory}>
          {running && observed.memory_bytes !== null ? bytes(observed.memory_bytes) : texts.notYet}
        </td>
        <td className={css.history}>
          <HealthBar entry={entry} />
        </td>
      </tr>
      <ServiceNotes entry={entry} columns={servers ? 9 : 8} />
    </>
  );
});

function Release({ entry }: { entry: ServiceOnServer }) {
  const serving = servingRelease(entry);
  if (!serving) return <span className="quiet">{texts.notYet}</span>;
  const wanted = entry.desired_commit !== null && entry.desired_commit !== serving.commit;
  return (
    <>
      <span className={css.commit}>
        <code title={serving.commit}>{shortCommit(serving.commit)}</code>
        <CopyButton text={serving.commit} />
        {wanted && <span className={css.wanted}>{texts.wanted(shortCommit(entry.desired_commit ?? ''))}</span>}
      </span>
      <span className={css.subject}>
        {serving.subject === null ? texts.noSubject : <Foreign text={serving.subject} chars_max={200} title />}
      </span>
    </>
  );
}
