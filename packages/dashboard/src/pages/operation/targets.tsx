/** How far an operation is on each of its servers; what failed stands first. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button, Progress } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { operation as texts } from '../../texts/operation.ts';
import { firstLine } from '../../ui/event/event-words.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { byUrgency, progressOf } from './next-steps.ts';
import css from './operation.module.css';

const tones = { waiting: 'idle', running: 'busy', succeeded: 'good', failed: 'bad' } as const;

const shown_max = 30;

/** The first line of what the server said; all of it stands above where the operation failed. */
function TargetMessage({ state, message }: Pick<OperationView['targets'][number], 'state' | 'message'>) {
  const text = message ?? (state === 'waiting' ? texts.targets.waiting : null);
  return text === null ? null : <Foreign text={firstLine(text)} className={css.targetMessage} />;
}

export function Targets({ operation }: { operation: OperationView }) {
  const [all, setAll] = useState(false);
  const { done, failed, count } = progressOf(operation);
  const shown = byUrgency(operation.targets).slice(0, all ? undefined : shown_max);
  const word = texts.targets.progress(done, count);
  return (
    <Section title={texts.targets.title} flush aside={<span className={css.small}>{word}</span>}>
      <Progress.Root size={4} radius={0} className={css.progress}>
        <Progress.Section value={(done / count) * 100} color="var(--ms-good)" aria-label={word} />
        <Progress.Section
          value={(failed / count) * 100}
          color="var(--ms-bad)"
          aria-label={texts.targets.states.failed}
        />
      </Progress.Root>
      <ul className={css.targets}>
        {shown.map(({ server, state, message }) => (
          <li key={server}>
            <StatusMark tone={tones[state]} word={texts.targets.states[state]} />
            <Link to="/servers/$server" params={{ server }}>
              {server}
            </Link>
            <TargetMessage state={state} message={message} />
          </li>
        ))}
      </ul>
      {shown.length < count && (
        <Button variant="subtle" size="compact-sm" m="xs" onClick={() => setAll(true)}>
          {texts.targets.all(count)}
        </Button>
      )}
    </Section>
  );
}
