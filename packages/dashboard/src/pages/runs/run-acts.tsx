/** What can be done about a run: each is a change like any other, with a plan to look at. */
import type { RunView } from '@mainstay/contract/operations/runs';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { runs } from '../../texts/runs.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import { actsFor, type RunAct } from './run-words.ts';

const texts = runs.acts;

const titles: Record<RunAct, string> = {
  retry: texts.retryTitle,
  cancel: texts.cancelTitle,
  pause: texts.pauseTitle,
  resume: texts.resumeTitle,
};

function changeOf(act: RunAct, id: string): Change {
  return { id: `runs.${act}`, input: { id } };
}

export function RunActs({ run }: { run: RunView }) {
  const [act, setAct] = useState<RunAct | null>(null);
  return (
    <Allowed to="runs:write">
      {actsFor(run).map((one) => (
        <Button
          key={one}
          variant={one === 'retry' || one === 'resume' ? 'filled' : 'default'}
          onClick={() => setAct(one)}
        >
          {texts[one]}
        </Button>
      ))}
      <ReviewChange
        change={act && changeOf(act, run.id)}
        title={act ? titles[act] : ''}
        confirm={act ? texts[act] : ''}
        onClose={() => setAct(null)}
      />
    </Allowed>
  );
}
