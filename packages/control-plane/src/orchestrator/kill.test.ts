/** The worker is killed with -9 around its writes, wherever a seed says, and the run goes on in the next process. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startOrchestratorFixture } from './testing/fixture.ts';

const seeds = Number(process.env['MAINSTAY_KILLED_RUNS'] ?? 20);
const kills_a_run = 2;

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function work(path: string, run_id: string, write: number, side: string): Promise<{ killed: boolean; state: string }> {
  const program = join(import.meta.dirname, 'testing/killed-worker.ts');
  const child = spawn(process.execPath, [program, path, run_id, String(write), side], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let state = '';
  child.stdout.on('data', (chunk: Buffer) => (state += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (_code, signal) => resolve({ killed: signal === 'SIGKILL', state }));
  });
}

it('a run whose workers are killed at any write ends, and no step takes effect twice', async () => {
  const fixture = await startOrchestratorFixture();
  let killed = 0;
  try {
    for (let seed = 1; seed <= seeds; seed++) {
      const random = randomFrom(seed);
      // Runs of an odd seed break at their last step and go back.
      const run_id = `run_${seed.toString(16).padStart(31, '0')}${seed % 2}`;
      for (let turn = 0; turn < kills_a_run; turn++) {
        const ended = await work(
          fixture.path,
          run_id,
          1 + Math.floor(random() * 14),
          random() < 0.5 ? 'before' : 'after',
        );
        if (ended.killed) killed++;
      }
      const { state } = await work(fixture.path, run_id, 0, '');
      const at = `seed ${seed}`;
      expect(state, at).toBe(seed % 2 ? 'compensated' : 'succeeded');
      const effects = (await fixture.effects()).filter((step) => step.startsWith(run_id) || step.startsWith('ended'));
      const done = ['one', 'two/a', 'two/b', 'two/c', 'three'].map((key) => `${run_id}/${key}`);
      expect(effects.sort(), at).toEqual([`ended ${state}`, ...(seed % 2 ? [] : done.sort())]);
      await fixture.store.batch([{ query: fixture.clearEffects }]);
    }
    expect(killed).toBeGreaterThan(seeds / 2);
  } finally {
    await fixture.stop();
  }
}, 300_000);
