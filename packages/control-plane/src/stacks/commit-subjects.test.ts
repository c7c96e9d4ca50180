import { afterEach, beforeEach, expect, it } from 'vitest';
import { openStore, type Store } from '../store/store.ts';
import { type Fixture, type Repository, startFixture } from '../testing/fixture.ts';
import { createSubjectNotes, pruneSubjects, selectSubjects, subjects_kept_max } from './commit-subjects.ts';

let at: Fixture;
let repository: Repository;
beforeEach(async () => {
  at = await startFixture();
  repository = at.repository('api');
});
afterEach(() => at.stop());

const spec = () => ({
  poll_interval_seconds: 86_400,
  services: { api: { source: { git: repository.url }, run: 'node server.js' } },
});

type Server = Awaited<ReturnType<Fixture['enrol']>>;

async function tell(server: Server, commit: string, commit_subject: string | undefined) {
  const release = { release_id: `rel_${commit.slice(0, 24)}`, commit, state: 'serving', created_at: 1 } as const;
  server.state.services['api']!.releases = [commit_subject === undefined ? release : { ...release, commit_subject }];
  expect((await server.send('POST', '/heartbeat', { sent_at: 1, state: server.state })).status).toBe(200);
}

it('what a server says of a commit is shown with every version that has it, also when its release is gone', async () => {
  await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
  const server = await at.enrol('h1', 'shop');
  const subjects = async () =>
    (await at.client['stacks.versions']({ stack: 'shop' })).versions.map(
      ({ commit_subjects }) => commit_subjects['api'],
    );
  const { offer } = await server.desired();
  await server.report(offer!, 'succeeded');
  const first = offer!.document.services['api']!.source.commit;
  // An agent that does not know of it yet.
  await tell(server, first, undefined);
  expect(await subjects()).toEqual([null]);
  await tell(server, first, 'Begin');
  const second = repository.commit('second');
  await at.client['stacks.deploy']({ stack: 'shop' });
  await server.report((await server.desired()).offer!, 'succeeded');
  await tell(server, second, 'Go on');
  expect(await subjects()).toEqual(['Go on', 'Begin']);
  expect((await at.client['stacks.get']({ stack: 'shop' })).commit_subjects).toEqual({ api: 'Go on' });
  await at.restart();
  expect(await subjects()).toEqual(['Go on', 'Begin']);
});

it('a server is believed about the stack that it runs and about no other', async () => {
  await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
  await at.client['stacks.apply']({ stack: 'blog', spec: spec() });
  const other = await at.enrol('h2', 'blog');
  const { offer } = await other.desired();
  await other.report(offer!, 'succeeded');
  const commit = offer!.document.services['api']!.source.commit;
  other.state.stack_id = (await at.client['stacks.get']({ stack: 'shop' })).stack.id;
  await tell(other, commit, 'A lie');
  const subject = async (stack: string) => (await at.client['stacks.get']({ stack })).commit_subjects['api'];
  expect([await subject('shop'), await subject('blog')]).toEqual([null, null]);
  other.state.stack_id = offer!.document.stack_id;
  await tell(other, commit, 'Begin');
  expect([await subject('shop'), await subject('blog')]).toEqual([null, 'Begin']);
});

it('the newest of each stack are kept', async () => {
  const store: Store = await openStore(':memory:');
  const notes = createSubjectNotes(store);
  const note = async (stack_id: string, from: number, to: number) => {
    const releases = Array.from({ length: to - from }, (_, i) => ({
      commit: `c${from + i}`,
      commit_subject: `s${from + i}`,
    }));
    const state = { stack_id, services: { api: { releases } } } as never;
    const taken = notes.take([{ server: { stack_id }, state }], from);
    await store.batch(taken.statements);
    taken.written();
    expect(notes.take([{ server: { stack_id }, state }], to).statements).toEqual([]);
  };
  await note('stk_a', 0, 10);
  await note('stk_a', 10, subjects_kept_max + 10);
  await note('stk_b', 0, 10);
  await pruneSubjects(store);
  const all = Array.from({ length: subjects_kept_max + 10 }, (_, i) => `c${i}`);
  const kept = await selectSubjects(store, 'stk_a', all);
  expect([kept.size, kept.has('c0'), kept.get(`c${subjects_kept_max}`)]).toEqual([
    subjects_kept_max,
    false,
    `s${subjects_kept_max}`,
  ]);
  expect((await selectSubjects(store, 'stk_b', all)).size).toBe(10);
  await store.close();
});
