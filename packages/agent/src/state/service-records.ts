/** What is remembered of a service over its releases: its internal port, its restarts, its last failed candidate. */
import type { ServiceObserved } from '@mainstay/contract/agent-api';
import type { Journal } from './journal.ts';

export type LastFailure = NonNullable<ServiceObserved['last_failure']>;

export type ServiceRecord = {
  internal_port: number;
  /** Starts of release `restarts_of` that were not asked for. */
  restarts: number;
  restarts_of: string | null;
  last_failure: LastFailure | null;
};

export type ServiceRecords = {
  get(service: string): ServiceRecord | null;
  internalPorts(): Map<string, number>;
  add(service: string, internal_port: number): void;
  /** Counts one restart of a release; a release that was not counted before begins at 1. */
  countRestart(service: string, release_id: string): number;
  setFailure(service: string, failure: LastFailure | null): void;
  remove(service: string): void;
};

type Row = {
  service: string;
  internal_port: number;
  restarts: number;
  restarts_of: string | null;
  last_failure: string | null;
};

export function createServiceRecords(journal: Journal): ServiceRecords {
  const { database, write, afterwards } = journal;
  const put = database.prepare(
    'INSERT INTO services (service, internal_port) VALUES (?, ?) ON CONFLICT (service) DO UPDATE SET internal_port = excluded.internal_port',
  );
  const setRestarts = database.prepare('UPDATE services SET restarts = ?, restarts_of = ? WHERE service = ?');
  const putFailure = database.prepare('UPDATE services SET last_failure = ? WHERE service = ?');
  const drop = database.prepare('DELETE FROM services WHERE service = ?');
  const rows = new Map(
    (database.prepare('SELECT * FROM services').all() as Row[]).map((row) => [row.service, { ...row }]),
  );

  return {
    get(service) {
      const row = rows.get(service);
      if (!row) return null;
      const last_failure = row.last_failure === null ? null : (JSON.parse(row.last_failure) as LastFailure);
      return { internal_port: row.internal_port, restarts: row.restarts, restarts_of: row.restarts_of, last_failure };
    },
    internalPorts: () => new Map([...rows.values()].map((row) => [row.service, row.internal_port])),
    add(service, internal_port) {
      write(() => put.run(service, internal_port));
      const row = rows.get(service);
      if (row) row.internal_port = internal_port;
      else rows.set(service, { service, internal_port, restarts: 0, restarts_of: null, last_failure: null });
    },
    countRestart(service, release_id) {
      const row = rows.get(service);
      if (!row) return 0;
      const restarts = row.restarts_of === release_id ? row.restarts + 1 : 1;
      write(() => setRestarts.run(restarts, release_id, service));
      row.restarts = restarts;
      row.restarts_of = release_id;
      return restarts;
    },
    setFailure(service, failure) {
      const row = rows.get(service);
      if (!row) return;
      const text = failure && JSON.stringify(failure);
      write(() => putFailure.run(text, service));
      afterwards(() => {
        row.last_failure = text;
      });
    },
    remove(service) {
      write(() => drop.run(service));
      afterwards(() => rows.delete(service));
    },
  };
}
