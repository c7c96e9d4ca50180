/**
 * Releases and instances. A release is a build with its whole configuration, so that a rollback restores both; an instance
 * is one running copy of it.
 * ```
 * release:  candidate ─▶ serving ─▶ draining ─▶ kept ─▶ (candidate …, or pruned)
 *               └─▶ failed
 * ```
 * Invariant: at most one release per service is `serving`, and one instance has the role `serving`.
 */
import type { DesiredService } from '@mainstay/contract/desired-state';
import type { InstanceHandle } from '../supervisor/supervisor.ts';
import type { Journal } from './journal.ts';

/** Releases kept per service, the serving one included. */
export const releases_kept_max = 5;

export type ReleaseState = 'serving' | 'candidate' | 'draining' | 'kept' | 'failed';
export type Release = {
  service: string;
  release_id: string;
  state: ReleaseState;
  desired: DesiredService;
  created_at: number;
  served_at: number | null;
};

export type InstanceRole = 'candidate' | 'serving' | 'draining';
export type InstanceRecord = {
  id: string;
  service: string;
  release_id: string;
  role: InstanceRole;
  port: number;
  desired: DesiredService;
  /** Null until the supervisor has started it. */
  handle: InstanceHandle | null;
  started_at: number;
  /** When what is still open on it is cut, UTC milliseconds. */
  drain_until: number | null;
};

type Row<T> = { [K in keyof T]: T[K] extends string | number | null ? T[K] : string };

export type Releases = {
  /** A release is about to be tried; one that was there before becomes a candidate again. */
  propose(service: string, desired: DesiredService, at: number): void;
  setState(service: string, release_id: string, state: ReleaseState, at: number): void;
  /** Newest first. */
  list(service?: string): Release[];
  services(): string[];
  remove(service: string, release_id: string): void;

  addInstance(record: InstanceRecord): void;
  setHandle(id: string, handle: InstanceHandle): void;
  setRole(id: string, role: InstanceRole, drain_until?: number): void;
  removeInstance(id: string): void;
  instances(): InstanceRecord[];
};

export function createReleases(journal: Journal): Releases {
  const { database, write } = journal;
  const putRelease = database.prepare(
    `INSERT INTO releases (service, release_id, state, desired, created_at) VALUES (?, ?, 'candidate', ?, ?)
     ON CONFLICT (service, release_id) DO UPDATE SET state = 'candidate', desired = excluded.desired, created_at = excluded.created_at`,
  );
  const setReleaseState = database.prepare(
    `UPDATE releases SET state = ?1, served_at = CASE WHEN ?1 = 'serving' THEN ?2 ELSE served_at END
     WHERE service = ?3 AND release_id = ?4`,
  );
  const selectReleases = database.prepare(
    'SELECT * FROM releases WHERE ?1 IS NULL OR service = ?1 ORDER BY service, coalesce(served_at, created_at) DESC, rowid DESC',
  );
  const selectServices = database.prepare('SELECT DISTINCT service FROM releases ORDER BY service');
  const dropRelease = database.prepare('DELETE FROM releases WHERE service = ? AND release_id = ?');
  const putInstance = database.prepare('INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const setInstanceHandle = database.prepare('UPDATE instances SET handle = ? WHERE id = ?');
  const setInstanceRole = database.prepare('UPDATE instances SET role = ?, drain_until = ? WHERE id = ?');
  const dropInstance = database.prepare('DELETE FROM instances WHERE id = ?');
  const selectInstances = database.prepare('SELECT * FROM instances ORDER BY rowid');

  return {
    propose: (service, desired, at) =>
      void write(() => putRelease.run(service, desired.release_id, JSON.stringify(desired), at)),
    setState: (service, release_id, state, at) => void write(() => setReleaseState.run(state, at, service, release_id)),
    list: (service) =>
      (selectReleases.all(service ?? null) as Row<Release>[]).map((row) => ({
        ...row,
        state: row.state as ReleaseState,
        desired: JSON.parse(row.desired) as DesiredService,
      })),
    services: () => (selectServices.all() as { service: string }[]).map((row) => row.service),
    remove: (service, release_id) => void write(() => dropRelease.run(service, release_id)),

    addInstance: (record) =>
      void write(() =>
        putInstance.run(
          record.id,
          record.service,
          record.release_id,
          record.role,
          record.port,
          JSON.stringify(record.desired),
          record.handle && JSON.stringify(record.handle),
          record.started_at,
          record.drain_until,
        ),
      ),
    setHandle: (id, handle) => void write(() => setInstanceHandle.run(JSON.stringify(handle), id)),
    setRole: (id, role, drain_until) => void write(() => setInstanceRole.run(role, drain_until ?? null, id)),
    removeInstance: (id) => void write(() => dropInstance.run(id)),
    instances: () =>
      (selectInstances.all() as Row<InstanceRecord>[]).map((row) => ({
        ...row,
        role: row.role as InstanceRole,
        desired: JSON.parse(row.desired) as DesiredService,
        handle: row.handle === null ? null : (JSON.parse(row.handle as string) as InstanceHandle),
      })),
  };
}
