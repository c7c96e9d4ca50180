/** What others changed on a server behind Mainstay's back, and what became of it. */
import type { AgentState } from '@mainstay/contract/agent-api';
import { foundDrift as texts } from '../../texts/found-drift.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { withoutEscapes } from '../../ui/log-view/ansi.ts';
import { Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import css from './server.module.css';

export function ServerDrift({ reported: { drift } }: { reported: AgentState }) {
  if (drift.length === 0) return null;
  return (
    <Section title={texts.title}>
      {drift.map((one) => (
        <div className={css.drift} key={`${one.found_at} ${one.what}`}>
          <StatusMark
            tone={one.put_back_at === null ? 'warning' : 'good'}
            word={one.put_back_at === null ? texts.open : texts.putBack}
          />
          <p className={css.driftMore}>
            <Foreign text={withoutEscapes(`${one.what}: ${one.found}`)} /> <Time at={one.changed_at ?? one.found_at} />
          </p>
          <p className={css.driftMore}>
            {one.by === null ? texts.unknown : <Foreign text={withoutEscapes(`${texts.hint} ${one.by}`)} />}
          </p>
        </div>
      ))}
    </Section>
  );
}
