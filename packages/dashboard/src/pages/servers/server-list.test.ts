import type { ServerView } from '@mainstay/contract/operations/servers';
import { expect, test } from 'vitest';
import { countsOf, outdated, serversShown } from './server-list.ts';

function server(name: string, more: Partial<ServerView> = {}): ServerView {
  return {
    id: `srv_${name}`,
    name,
    labels: {},
    environment: null,
    state: 'online',
    stack: 'shop',
    agent_version: '0.1.0',
    updatable: true,
    os: 'Debian GNU/Linux 12',
    arch: 'x64',
    cpus: 2,
    supervisor: 'process',
    security_mode: 'none',
    services: { total: 2, running: 2 },
    usage: null,
    version: 1,
    converged: true,
    chosen_by: null,
    next_moves: [],
    drained: false,
    problems: [],
    last_seen_at: 1,
    enrolled_at: 1,
    ...more,
  };
}

const shownNames = (servers: ServerView[], search: Parameters<typeof serversShown>[1]) =>
  serversShown(servers, search).map(({ name }) => name);

test('numbers in names are ordered as numbers', () => {
  expect(shownNames([server('web-10'), server('web-9'), server('api')], {})).toEqual(['api', 'web-9', 'web-10']);
});

test('every word of the search has to be somewhere in the row, problems included', () => {
  const servers = [server('a', { problems: ['The disk is full.'] }), server('b', { stack: 'disk-farm' }), server('c')];
  expect(shownNames(servers, { q: 'disk' })).toEqual(['a', 'b']);
  expect(shownNames(servers, { q: ' DISK full ' })).toEqual(['a']);
});

test('offline, behind and troubled servers need a look; an invited one does not', () => {
  const servers = [
    server('fine'),
    server('off', { state: 'offline' }),
    server('behind', { converged: false }),
    server('idle', { stack: null, converged: false }),
    server('sick', { problems: ['x'] }),
    server('new', { state: 'invited', converged: false }),
  ];
  expect(shownNames(servers, { show: 'trouble' })).toEqual(['behind', 'off', 'sick']);
  expect(countsOf(servers)).toEqual({ all: 6, online: 4, trouble: 3, invited: 1 });
});

test('the busiest come first, those that told nothing last', () => {
  const usage = (cpu_fraction: number | null) => ({
    cpu_fraction,
    load1: 0,
    memory_used_bytes: 1,
    memory_total_bytes: 2,
    disk_used_bytes: 1,
    disk_total_bytes: 2,
  });
  const servers = [server('silent'), server('idle', { usage: usage(0) }), server('busy', { usage: usage(0.9) })];
  expect(shownNames(servers, { sort: 'cpu' })).toEqual(['busy', 'idle', 'silent']);
});

test('agents are outdated that can be given the release and are another version, whatever the state of their servers', () => {
  const servers = [
    server('old', { agent_version: '0.1.0' }),
    server('gone', { agent_version: '0.1.0', state: 'offline' }),
    server('new', { agent_version: '0.2.0' }),
    server('package', { agent_version: '0.1.0', updatable: false }),
    server('invited', { agent_version: null, updatable: false, state: 'invited' }),
  ];
  expect(outdated(servers, '0.2.0').map(({ name }) => name)).toEqual(['old', 'gone']);
  expect(outdated(servers, null)).toEqual([]);
});
