import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { expect, test } from 'vitest';
import { driftOf } from './drift.ts';
import { agentLine, enrolProgress, isLoopback, proposedName } from './enrol-progress.ts';

const invited = {
  name: 'web-1',
  state: 'invited',
  stack: 'shop',
  version: null,
  converged: false,
  enrolled_at: null,
} as ServerView;
const online = { ...invited, state: 'online', enrolled_at: 1 } as ServerView;
const report = { accepted_version: null, receipt: null, refusal: null } as AgentState;
const service = (state: string, health: string) =>
  ({ service: 'web', desired_release_id: 'r', observed: { state, health: { state: health } } }) as ServiceOnServer;

test('nothing is ticked before it was observed', () => {
  expect(enrolProgress(invited, null, []).steps).toEqual({
    invited: 'done',
    connected: 'waiting',
    reported: 'later',
    runs: 'later',
    healthy: 'later',
  });
  expect(enrolProgress(online, null, []).current).toBe('reported');
  expect(enrolProgress(online, report, []).current).toBe('runs');
});

test('a server that converged is healthy only when all its services answer', () => {
  const server = { ...online, version: 3, converged: true } as ServerView;
  expect(enrolProgress(server, report, []).steps.healthy).toBe('waiting');
  expect(enrolProgress(server, report, [service('running', 'unhealthy')]).steps.healthy).toBe('waiting');
  expect(enrolProgress(server, report, [service('running', 'healthy')]).current).toBe(null);
});

test('without a stack nothing more comes by itself', () => {
  const progress = enrolProgress({ ...online, stack: null } as ServerView, report, []);
  expect(progress).toMatchObject({ needs_stack: true, current: null, steps: { reported: 'done', runs: 'later' } });
});

test('a deployment that failed here fails its step', () => {
  const failed = { ...report, accepted_version: 3, receipt: { state: 'failed', version: 3 } } as AgentState;
  const server = { ...online, version: 3 } as ServerView;
  expect(enrolProgress(server, failed, []).steps.runs).toBe('failed');
});

test('the proposed name is one that no server has', () => {
  expect(proposedName(['local', 'server-1', 'server-3'])).toBe('server-2');
});

test('the token is in the environment of the line, and no address can add to the line', () => {
  const line = agentLine('mst_a.b', "https://x/'; rm -rf ~ #");
  expect(line).toMatch(/^ MAINSTAY_ENROL_TOKEN=mst_a\.b node /);
  expect(line.endsWith(`--url 'https://x/'\\''; rm -rf ~ #'`)).toBe(true);
});

test('an address that means the machine it is used on is told', () => {
  expect(['http://127.0.0.1:7070', 'http://localhost:1', 'http://[::1]:7070'].every(isLoopback)).toBe(true);
  expect(['https://panel.example.com', 'http://10.0.0.2', 'nonsense'].some(isLoopback)).toBe(false);
});

test('drift is told by what was accepted and what became of it', () => {
  const at = (version: number | null, reported: Partial<AgentState> = {}) =>
    driftOf({ ...online, version } as ServerView, { ...report, ...reported } as AgentState, 4).tone;
  expect(at(null)).toBe('busy');
  expect(at(3)).toBe('busy');
  expect(at(4, { receipt: { state: 'succeeded' } as AgentState['receipt'] })).toBe('good');
  expect(at(4, { receipt: { state: 'failed' } as AgentState['receipt'] })).toBe('bad');
  expect(at(3, { refusal: { version: 4, reason: 'signature', message: 'no', at: 1 } })).toBe('bad');
  const done = { ...report, receipt: { state: 'succeeded' } } as AgentState;
  expect(driftOf({ ...online, state: 'offline', version: 4 } as ServerView, done, 4).tone).toBe('idle');
  // A refusal of what was replaced since is no news.
  expect(at(4, { refusal: { version: 3, reason: 'x', message: 'no', at: 1 } })).toBe('good');
});
