/** The way to the first deployment, for who has none yet: three steps, ticked as they are done. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { overview } from '../../texts/overview.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import css from './first-steps.module.css';

const texts = overview.start;

export type FirstStepsProps = { stacks: readonly StackView[]; servers: readonly ServerView[] };

/** Nothing was deployed yet, or there is nothing to deploy to. */
export function needsFirstSteps({ stacks, servers }: FirstStepsProps): boolean {
  return !stacks.some(hasServed) || !servers.some(hasEnrolled);
}

function hasServed(stack: StackView): boolean {
  return stack.serving_version !== null;
}

function hasEnrolled(server: ServerView): boolean {
  return server.state !== 'invited';
}

export function FirstSteps({ stacks, servers }: FirstStepsProps) {
  const hasStack = stacks.length > 0;
  const hasServer = servers.some(hasEnrolled);
  const first = stacks[0];
  return (
    <Section title={texts.title}>
      <ol className={css.steps}>
        <Step
          isDone={hasStack}
          title={texts.stack}
          text={texts.stackText}
          action={
            <Allowed to="stacks:write">
              <Button
                variant={hasStack ? 'default' : 'filled'}
                renderRoot={(props) => <Link to="/stacks/new" {...props} />}
              >
                {texts.stackDo}
              </Button>
            </Allowed>
          }
        />
        <Step
          isDone={hasServer}
          title={texts.server}
          text={texts.serverText}
          action={
            <Allowed to="servers:write">
              <Button
                variant={hasStack && !hasServer ? 'filled' : 'default'}
                renderRoot={(props) => <Link to="/servers/add" search={{ stack: first?.name }} {...props} />}
              >
                {texts.serverDo}
              </Button>
            </Allowed>
          }
        />
        <Step
          isDone={stacks.some(hasServed)}
          title={texts.serve}
          text={texts.serveText}
          action={
            first && (
              <Button
                variant={hasServer ? 'filled' : 'default'}
                renderRoot={(props) => <Link to="/stacks/$stack" params={{ stack: first.name }} {...props} />}
              >
                {texts.serveDo(first.name)}
              </Button>
            )
          }
        />
      </ol>
    </Section>
  );
}

type StepProps = { isDone: boolean; title: string; text: string; action: ReactNode };

function Step({ isDone, title, text, action }: StepProps) {
  return (
    <li className={css.step} data-done={isDone || undefined}>
      <StatusMark tone={isDone ? 'good' : 'idle'} word={isDone ? texts.done : texts.todo} form="icon" />
      <div>
        <p className={css.title}>{title}</p>
        <p className="quiet">{text}</p>
      </div>
      {!isDone && <div>{action}</div>}
    </li>
  );
}
