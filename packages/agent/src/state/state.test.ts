import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadIdentity } from './identity.ts';
import { lockHome } from './lock.ts';
import { openState } from './state.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mainstay-state-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('a home has one agent', () => {
  const lock = lockHome(home);
  expect(() => lockHome(home)).toThrow(/Another agent runs/);
  lock.release();
  lockHome(home).release();
});

test('a damaged journal is an error that says what to do', () => {
  writeFileSync(join(home, 'journal.sqlite'), Buffer.alloc(8_192, 0x5a));
  expect(() => openState(home)).toThrow(AppError);
  expect(() => openState(home)).toThrow(/damaged/);
});

test('a damaged identity is an error that says what to do', () => {
  expect(loadIdentity(home)).toBeNull();
  writeFileSync(join(home, 'identity.json'), '{');
  expect(() => loadIdentity(home)).toThrow(/damaged/);
});

test('cached secrets survive a restart, and a copy of the journal gives none away', () => {
  let state = openState(home);
  state.secrets.put(new Map([['c'.repeat(64), 'correct horse battery staple']]));
  state.close();
  expect(readFileSync(join(home, 'journal.sqlite')).includes('correct horse')).toBe(false);
  expect(statSync(join(home, 'journal.sqlite')).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, 'secrets.key')).mode & 0o777).toBe(0o600);
  state = openState(home);
  expect(state.secrets.get('c'.repeat(64))).toBe('correct horse battery staple');
  state.secrets.keep(new Set());
  expect(state.secrets.get('c'.repeat(64))).toBeNull();
  state.close();
  rmSync(join(home, 'secrets.key'));
});

test('a write that fails changes nothing and is told', () => {
  const outcomes: (AppError | null)[] = [];
  const state = openState(home, { onOutcome: (error) => outcomes.push(error) });
  state.services.add('api', 29_000);
  expect(() =>
    state.write(() => {
      state.services.add('web', 29_001);
      throw new AppError('Unavailable', 'The disk is full.');
    }),
  ).toThrow('The disk is full.');
  expect(outcomes.map((outcome) => outcome?.message ?? null)).toEqual([null, 'The disk is full.']);
  state.close();
  const again = openState(home);
  expect([...again.services.internalPorts().keys()]).toEqual(['api']);
  again.close();
});
