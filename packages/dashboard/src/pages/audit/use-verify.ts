/** Walks the chain to its end, in turns of a few seconds as the control plane gives them, and says how far it is. */
import { AppError } from '@mainstay/contract/app-error';
import { useEffect, useRef, useState } from 'react';
import { call, type Output } from '../../api/client.ts';

type Turn = Output<'audit.verify'>;

export type Verified = {
  ok: boolean;
  entries: number;
  anchors: number;
  keeper_reached: boolean;
  problems: Turn['problems'];
  more: boolean;
};

type Verification = {
  isRunning: boolean;
  progress: { done: number; total: number } | null;
  result: Verified | null;
  error: AppError | null;
};

/** Problems that are shown; where so many are wrong, one more says nothing new. */
const problems_max = 50;

const idle: Verification = { isRunning: false, progress: null, result: null, error: null };

export function useVerify(): Verification & { run(): void } {
  const [state, setState] = useState(idle);
  const ending = useRef<AbortController>(null);
  useEffect(() => () => ending.current?.abort(), []);
  const run = () => {
    ending.current?.abort();
    const end = new AbortController();
    ending.current = end;
    setState({ ...idle, isRunning: true, progress: { done: 0, total: 0 } });
    walk(end.signal, (progress) => setState({ ...idle, isRunning: true, progress })).then(
      (result) => setState({ ...idle, result }),
      (error: unknown) => {
        if (!end.signal.aborted)
          setState({ ...idle, error: error instanceof AppError ? error : new AppError('Internal', String(error)) });
      },
    );
  };
  return { ...state, run };
}

async function walk(signal: AbortSignal, tell: (progress: { done: number; total: number }) => void): Promise<Verified> {
  const sum: Verified = { ok: true, entries: 0, anchors: 0, keeper_reached: true, problems: [], more: false };
  let after: { after: number; after_hash: string } | Record<string, never> = {};
  for (;;) {
    const turn: Turn = await call('audit.verify', after, { signal });
    sum.ok &&= turn.ok;
    sum.entries += turn.entries;
    sum.anchors += turn.anchors_checked;
    sum.keeper_reached &&= turn.keeper_reached;
    sum.problems.push(...turn.problems);
    sum.more ||= turn.more_problems || sum.problems.length > problems_max;
    sum.problems.length = Math.min(sum.problems.length, problems_max);
    tell({ done: sum.entries, total: turn.total });
    // A turn that came no further would be repeated for ever.
    if (turn.complete || turn.head === null || turn.entries === 0) return sum;
    after = { after: turn.head.seq, after_hash: turn.head.hash };
  }
}
