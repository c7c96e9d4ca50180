/** The services on a server, each leading to its page. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { useRead } from '../../api/queries.ts';
import { servers } from '../../texts/servers.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Foreign } from '../../ui/foreign.tsx';
import { EmptyState, Fetched, Rows, Section } from '../../ui/page.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { bytes, percent, serviceStatus, shortCommit } from '../../ui/words.ts';
import css from './servers.module.css';

const texts = servers.services;
const columns = ['name', 'state', 'release', 'uptime', 'restarts', 'cpu', 'memory', 'address'] as const;

export function ServerServices({ server }: { server: ServerView }) {
  const query = useRead('services.list', { server: server.name });
  return (
    <Section flush>
      <Fetched query={query} skeleton={<Rows count={Math.max(1, server.services.total)} height={57} />}>
        {({ services }) =>
          services.length === 0 ? (
            <EmptyState title={texts.none}>{texts.noneText}</EmptyState>
          ) : (
            <Scroller className={css.scroller} aria-label={texts.tableName(server.name)}>
              <table className={css.table}>
                <thead>
                  <tr>
                    {columns.map((column) => (
                      <th key={column} scope="col">
                        {texts[column]}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {services.map((service) => (
                    <ServiceRow key={service.service} service={service} />
                  ))}
                </tbody>
              </table>
            </Scroller>
          )
        }
      </Fetched>
    </Section>
  );
}

const ServiceRow = memo(function ServiceRow({ service }: { service: ServiceOnServer }) {
  const { observed } = service;
  const subject = observed?.releases.find(({ release_id }) => release_id === observed.release_id)?.commit_subject;
  return (
    <tr className={css.row}>
      <th scope="row">
        <Link
          to="/stacks/$stack/services/$service"
          params={{ stack: service.stack, service: service.service }}
          search={{ server: service.server }}
          className={css.name}
        >
          {service.service}
        </Link>
      </th>
      <td>
        <StatusMark {...serviceStatus(service)} />
      </td>
      <td>
        {observed?.commit ? (
          <>
            <span className={css.commit}>
              <code title={observed.commit}>{shortCommit(observed.commit)}</code>
              <CopyButton text={observed.commit} />
            </span>
            {subject && <Foreign text={subject} title className={css.second} />}
          </>
        ) : (
          <span className="quiet">{texts.noneServing}</span>
        )}
      </td>
      <td>{observed?.since ? <Time at={observed.since} form="for" /> : '–'}</td>
      <td>{observed?.restarts ?? '–'}</td>
      <td>{observed?.cpu_fraction == null ? '–' : percent(observed.cpu_fraction)}</td>
      <td>{observed?.memory_bytes == null ? '–' : bytes(observed.memory_bytes)}</td>
      <td>
        {observed?.url ? (
          <a href={observed.url} target="_blank" rel="noreferrer">
            {observed.url}
          </a>
        ) : (
          <span className="quiet">{texts.internal}</span>
        )}
      </td>
    </tr>
  );
});
