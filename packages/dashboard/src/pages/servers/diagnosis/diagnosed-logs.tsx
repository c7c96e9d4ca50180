/** The last lines of the agent, and of the unit that is chosen. */
import type { DiagnosedLog, ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { Select } from '@mantine/core';
import { diagnosis as texts } from '../../../texts/diagnosis.ts';
import { visible } from '../../../ui/foreign.tsx';
import { Section } from '../../../ui/page.tsx';
import { Scroller } from '../../../ui/scroller.tsx';
import { absoluteTime } from '../../../ui/time.tsx';
import css from './diagnosis.module.css';

const words = texts.logs;

export type DiagnosedLogsProps = {
  diagnosis: ServerDiagnosis;
  unit: string | null;
  choose: (unit: string | null) => void;
};

export function DiagnosedLogs({ diagnosis: { units, logs }, unit, choose }: DiagnosedLogsProps) {
  const names = units.map(({ name }) => name).filter((name) => name !== 'agent');
  // One that was chosen and ended meanwhile stays to be seen.
  const choices = unit === null || unit === 'agent' || names.includes(unit) ? names : [...names, unit];
  return (
    <Section
      title={words.title}
      aside={
        <Select
          aria-label={words.unit}
          placeholder={words.none}
          data={choices}
          value={unit === 'agent' ? null : unit}
          onChange={choose}
          clearable
          comboboxProps={{ withinPortal: true }}
        />
      }
    >
      {logs.toReversed().map((log) => (
        <Log key={log.name} log={log} />
      ))}
      <p className={css.more}>{words.masked}</p>
    </Section>
  );
}

function Log({ log: { name, source, lines, cut } }: { log: DiagnosedLog }) {
  const title = words.of(name);
  return (
    <div className={css.log}>
      <h3>{visible(title)}</h3>
      <p className={css.more}>
        {visible(source)}
        {cut && ` · ${words.cut}`}
      </p>
      {lines.length === 0 ? (
        <p>{words.empty}</p>
      ) : (
        <Scroller className={`printed ${css.lines}`} aria-label={visible(title)}>
          {lines.map(({ at, text }, index) => (
            <span key={index} className={css.line}>
              {at !== null && <time dateTime={new Date(at).toISOString()}>{absoluteTime(at)}</time>}
              <bdi dir="ltr">{visible(text)}</bdi>
            </span>
          ))}
        </Scroller>
      )}
    </div>
  );
}
