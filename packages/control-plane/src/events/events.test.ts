import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventView } from '@mainstay/contract/operations/watch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../store/store.ts';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { type EventFilter, insertEvent, type NewEvent, selectEvents } from './event-store.ts';

const kinds = ['build.started', 'build.failed', 'deployment.started', 'webhook.refused'] as const;

function eventOf(index: number): NewEvent {
  return {
    kind: kinds[index % kinds.length]!,
    severity: index % 6 === 0 ? 'error' : 'info',
    message: `Number ${index} is 100%_${index % 2 ? 'odd' : 'even'}`,
    at: 1_000 + index,
    actor: index % 10 === 0 ? 'ada' : null,
    stack: index % 3 ? 'shop' : 'blog',
  };
}

describe('events', () => {
  const events = Array.from({ length: 60 }, (_, index) => eventOf(index));
  let folder = '';
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-events-'));
    store = await openStore(join(folder, 'mainstay.db'));
    await store.batch(events.map((event) => insertEvent(store, event)));
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const select = (filter: Partial<EventFilter>) => selectEvents(store, { limit: 10, ...filter });
  const messages = (found: readonly { message: string }[]) => found.map(({ message }) => message);

  it.each<[string, Partial<EventFilter>, (event: NewEvent, index: number) => boolean]>([
    ['no filter', {}, () => true],
    ['a kind', { kind: ['build.failed'] }, ({ kind }) => kind === 'build.failed'],
    [
      'the beginning of kinds, and a kind',
      { kind: ['build.', 'webhook.refused'] },
      ({ kind }) => !kind.startsWith('deploy'),
    ],
    ['an actor', { actor: 'ada' }, ({ actor }) => actor === 'ada'],
    ['a time', { from: 1_010, to: 1_020 }, ({ at }) => at >= 1_010 && at <= 1_020],
    ['a text with wildcards', { search: '%_ODD' }, ({ message }) => message.endsWith('%_odd')],
    [
      'a severity and a stack',
      { severity: 'warning', stack: 'shop' },
      ({ severity, stack }) => severity === 'error' && stack === 'shop',
    ],
    ['what there is none of', { actor: 'bob' }, () => false],
  ])('with %s are paged through in both directions, each once and in order', async (_, filter, fits) => {
    const expected = messages(events.filter(fits));
    const back: EventView[] = [];
    for (let page = await select(filter); ; page = await select({ ...filter, before: back[0]?.cursor })) {
      back.unshift(...page.events);
      if (!page.more) break;
    }
    expect(messages(back)).toEqual(expected);
    const on: EventView[] = [];
    for (let page = await select({ ...filter, after: 0 }); ; page = await select({ ...filter, after: page.next })) {
      on.push(...page.events);
      if (!page.more) break;
    }
    expect(messages(on)).toEqual(expected);
  });

  it('are followed from where a page ended, and what does not fit is passed by', async () => {
    const { next } = await select({ actor: 'ada' });
    expect(next).toBe(60);
    expect(await select({ after: next })).toEqual({ events: [], more: false, next: 60 });
    await store.batch([insertEvent(store, eventOf(61)), insertEvent(store, eventOf(70))]);
    expect(messages((await select({ after: next, actor: 'ada' })).events)).toEqual(messages([eventOf(70)]));
    const page = await select({ before: 11 });
    expect(messages((await select({ after: page.next, limit: 1 })).events)).toEqual(messages([events[10]!]));
  });
});

describe('lists of what happened', () => {
  let at: Fixture;
  beforeEach(async () => {
    at = await startFixture();
  });
  afterEach(() => at.stop());

  it.each([
    ['?kind=build.exploded', 'kind.0'],
    ['?kind=build', 'kind.0'],
    ['?after=1&before=2', 'before'],
    ['?from=2&to=1', 'to'],
  ])('of events with %s are refused by the field', async (query, field) => {
    const answer = await at.http(`/api/v1/events${query}`);
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'InvalidInput', field }]);
  });

  it('of events take several kinds in one query', async () => {
    await at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'x' });
    await at.client['servers.invite']({ server: 'new' });
    const list = async (query: string) =>
      ((await (await at.http(`/api/v1/events${query}`)).json()) as { events: EventView[] }).events.map(
        ({ kind }) => kind,
      );
    expect(await list('?kind=server.')).toEqual(['server.invited']);
    const both = await list('?kind=server.invited&kind=operation.succeeded');
    expect(new Set(both)).toEqual(new Set(['server.invited', 'operation.succeeded']));
    expect(await list('?kind=build.')).toEqual([]);
    const { events } = await at.client['events.list']({ kind: ['operation.'], actor: 'owner' });
    expect(events.length).toBeGreaterThan(0);
  });

  it('of operations are filtered and paged, each operation once', async () => {
    for (let index = 0; index < 7; index += 1) {
      await at.client['secrets.set']({ stack: 'shop', name: `KEY_${index}`, value: 'x' });
    }
    await at.client['servers.invite']({ server: 'new' });
    const list = at.client['operations.list'];
    const ids: string[] = [];
    for (let page = await list({ limit: 3 }); ; page = await list({ limit: 3, before: ids.at(-1) })) {
      ids.push(...page.operations.map(({ id }) => id!));
      if (!page.more) break;
    }
    expect(ids).toHaveLength(8);
    expect(ids).toEqual([...new Set(ids)].toSorted().toReversed());
    const count = async (input: Parameters<typeof list>[0]) => (await list(input)).operations.length;
    expect(await count({ operation: 'secrets.' })).toBe(7);
    expect(await count({ operation: 'secrets.set' })).toBe(7);
    expect(await count({ operation: 'servers.invite' })).toBe(1);
    expect(await count({ operation: 'secrets.remove' })).toBe(0);
    expect(await count({ state: ['succeeded'] })).toBe(8);
    expect(await count({ state: ['failed', 'running'] })).toBe(0);
    await expect(list({ operation: 'secrets' })).rejects.toMatchObject({ code: 'InvalidInput', field: 'operation' });
  });
});
