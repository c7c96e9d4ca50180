import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { expect, it } from 'vitest';
import { gravestStatus, knownReleases, type Version, versionOf } from './service-state.ts';

const on = (server: string, state: string, health: string, releases: object[] = []) =>
  ({
    server,
    server_online: true,
    observed: { state, health: { state: health }, releases },
  }) as unknown as ServiceOnServer;

it('one unhealthy server is what is told of three', () => {
  const entries = [on('a', 'running', 'healthy'), on('b', 'running', 'unhealthy'), on('c', 'running', 'healthy')];
  expect(gravestStatus(entries)).toMatchObject({ tone: 'warning', count: 1 });
  expect(gravestStatus(entries.filter(({ server }) => server !== 'b'))).toMatchObject({ tone: 'good', count: 2 });
  expect(gravestStatus([])).toBeNull();
});

it('a release that several servers know is listed once, as serving when it serves on one', () => {
  const release = (release_id: string, state: string, created_at: number) => ({ release_id, state, created_at });
  const entries = [
    on('a', 'running', 'healthy', [release('one', 'kept', 1), release('two', 'serving', 2)]),
    on('b', 'running', 'healthy', [release('one', 'serving', 1)]),
  ];
  expect(knownReleases(entries).map(({ release_id, state }) => [release_id, state])).toEqual([
    ['two', 'serving'],
    ['one', 'serving'],
  ]);
});

it('a release is gone back to by the newest version that had it and succeeded', () => {
  const version = (number: number, state: string, release: string) =>
    ({ version: number, state, releases: { api: release } }) as unknown as Version;
  const versions = [version(4, 'failed', 'new'), version(3, 'failed', 'old'), version(2, 'succeeded', 'old')];
  expect(versionOf(versions, 'api', 'old')?.version).toBe(2);
  expect(versionOf(versions, 'api', 'new')?.version).toBe(4);
  expect(versionOf(versions, 'api', 'gone')).toBeNull();
  expect(versionOf(versions, 'web', 'old')).toBeNull();
});
