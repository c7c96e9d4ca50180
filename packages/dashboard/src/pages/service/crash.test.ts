import { expect, it } from 'vitest';
import { crashOf, isCrashKind, withoutLines } from './crash.ts';

it('a crash tells what its event says, and nothing that is not of the expected kind', () => {
  const data = {
    reason: 'exit',
    exit_code: 1,
    signal: null,
    uptime_ms: 1_200,
    failures: 2,
    restarts: 3,
    next_start_at: 5,
  };
  expect(crashOf(data)).toEqual({
    reason: 'exit',
    exit_code: 1,
    uptime_ms: 1_200,
    failures: 2,
    restarts: 3,
    next_start_at: 5,
  });
  expect(crashOf({ reason: '<b>', exit_code: '1', signal: { x: 1 }, uptime_ms: -5 })).toEqual({});
  expect(crashOf(null)).toEqual({});
});

it('an event of another kind is no crash', () => {
  expect(isCrashKind('service.crashed')).toBe(true);
  expect(isCrashKind('service.healthy')).toBe(false);
});

it('a message is told without the lines that it repeats, and whole when it repeats none', () => {
  const lines = [{ text: 'about to fail' }, { text: '  at main' }];
  expect(withoutLines('It exited with code 3. It printed last:\nabout to fail\n  at main', lines)).toBe(
    'It exited with code 3.',
  );
  expect(withoutLines('It exited with code 3.\nTry: again', lines)).toBe('It exited with code 3.\nTry: again');
  expect(withoutLines('about to fail', lines)).toBe('about to fail');
});
