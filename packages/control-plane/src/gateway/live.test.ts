import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { createLiveHistory, live_topics_kept_max } from './live-history.ts';

let at: Fixture;
beforeEach(async () => {
  at = await startFixture();
});
afterEach(() => at.stop());

type Message = { event: string; id: string; data: { topics?: string[]; resumed?: boolean } };

/** A page that listens: gives one message after the other. */
async function listen(options: { last_id?: string; in_query?: boolean } = {}) {
  const { last_id, in_query } = options;
  const query = last_id !== undefined && in_query ? `?last_event_id=${last_id}` : '';
  const headers: Record<string, string> = last_id !== undefined && !in_query ? { 'last-event-id': last_id } : {};
  const answer = await at.http(`/api/v1/live${query}`, { headers });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return {
    async next(): Promise<Message> {
      while (!text.includes('\n\n')) {
        const { done, value } = await reader.read();
        if (done) throw new Error('the stream has ended');
        text += value;
      }
      const end = text.indexOf('\n\n');
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: (.*)/s) as [string, string]),
      );
      text = text.slice(end + 2);
      return { event: fields.get('event')!, id: fields.get('id') ?? '', data: JSON.parse(fields.get('data')!) };
    },
    close: () => reader.cancel(),
  };
}

const changeSecret = () => at.client['secrets.set']({ stack: 'shop', name: 'KEY', value: 'hidden-value' });

describe('live changes', () => {
  it('tell what changed and nothing of what, each with a number', async () => {
    const page = await listen();
    expect(await page.next()).toMatchObject({ event: 'hello', data: { resumed: false } });
    await changeSecret();
    const change = await page.next();
    expect(change).toMatchObject({ event: 'change', data: { topics: expect.arrayContaining(['operations']) } });
    expect(change.id).toMatch(/^[0-9a-f]{12}-\d+$/);
    expect(JSON.stringify(change)).not.toContain('hidden-value');
    await page.close();
  });

  it.each([
    ['header', false],
    ['query', true],
  ])('that a page missed are told in one message when it is back, by its %s', async (_, in_query) => {
    const page = await listen();
    await page.next();
    await changeSecret();
    const { id: last_id } = await page.next();
    await page.close();
    await changeSecret();
    await at.client['servers.invite']({ server: 'new' });

    const back = await listen({ last_id, in_query });
    const hello = await back.next();
    expect(hello).toMatchObject({ event: 'hello', id: last_id, data: { resumed: true } });
    const missed = await back.next();
    expect(missed.data.topics).toEqual(expect.arrayContaining(['events', 'operations', 'servers']));
    await back.close();

    const again = await listen({ last_id: missed.id, in_query });
    expect(await again.next()).toMatchObject({ id: missed.id, data: { resumed: true } });
    await changeSecret();
    expect((await again.next()).data.topics).toContain('operations');
    await again.close();
  });

  it('of an earlier run are not known: the page is told to read everything anew', async () => {
    const page = await listen();
    const { id: last_id } = await page.next();
    await at.restart();
    const back = await listen({ last_id });
    const hello = await back.next();
    expect(hello.data.resumed).toBe(false);
    expect(hello.id).not.toBe(last_id);
    await back.close();
    const forged = await listen({ last_id: 'nonsense' });
    expect((await forged.next()).data.resumed).toBe(false);
    await forged.close();
  });

  it('end with the control plane, which waits for no page', async () => {
    const page = await listen();
    await page.next();
    await at.restart();
    await expect(page.next()).rejects.toThrow('the stream has ended');
  });
});

describe('the history of changes', () => {
  it('gives each topic once, whatever happened between', () => {
    const history = createLiveHistory();
    for (const topic of ['stacks', 'events', 'stacks', 'logs:shop', 'events']) history.note(topic);
    expect(history.since(0)).toEqual(['stacks', 'logs:shop', 'events']);
    expect(history.since(3)).toEqual(['logs:shop', 'events']);
    expect(history.since(5)).toEqual([]);
    expect(history.since(6)).toBeNull();
  });

  it('is bounded, and says when it has forgotten', () => {
    const history = createLiveHistory();
    for (let index = 0; index <= live_topics_kept_max; index += 1) history.note(`logs:${index}`);
    expect(history.since(0)).toBeNull();
    expect(history.since(1)).toHaveLength(live_topics_kept_max);
  });

  it('knows its own numbers only', () => {
    const [history, other] = [createLiveHistory(), createLiveHistory()];
    expect(history.pointOf(history.idOf(7))).toBe(7);
    for (const id of [other.idOf(7), '7', '', `${history.idOf(7)}x`]) expect(history.pointOf(id)).toBeNull();
  });
});
