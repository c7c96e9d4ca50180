/** A plan as people read a diff: what is added, removed and changed, from what to what; values only as text. */
import type { Plan, PlanChange, PlannedRollout } from '@mainstay/contract/operation';
import { Alert, Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useState } from 'react';
import { change as texts } from '../texts/change.ts';
import { Foreign, visible } from './foreign.tsx';
import css from './plan-diff.module.css';

const signs = { create: '+', update: '~', delete: '−', run: '▸' } as const;
const words = { create: texts.created, update: texts.updated, delete: texts.deleted, run: texts.run } as const;

/** More than fits on a screen is folded until it is asked for. */
const shown_max = 60;
/** Waves that are named; of more of them only how many there are. */
const waves_named_max = 4;

export function PlanDiff({ plan }: { plan: Plan }) {
  const [all, setAll] = useState(false);
  const shown = all ? plan.changes : plan.changes.slice(0, shown_max);
  return (
    <div className={css.plan}>
      {plan.warnings.length > 0 && (
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle />} title={texts.warnings}>
          <ul className={css.warnings}>
            {plan.warnings.map((warning) => (
              <li key={warning}>
                <Foreign text={warning} />
              </li>
            ))}
          </ul>
        </Alert>
      )}
      {plan.changes.length === 0 ? (
        <p className="quiet">{texts.nothing}</p>
      ) : (
        <ul className={css.changes}>
          {shown.map((change) => (
            <Change key={`${change.action} ${change.path}`} change={change} />
          ))}
        </ul>
      )}
      {plan.rollout && <p className="quiet">{visible(rolloutText(plan.rollout))}</p>}
      {shown.length < plan.changes.length && (
        <Button variant="default" size="xs" onClick={() => setAll(true)}>
          {texts.seeAll(plan.changes.length)}
        </Button>
      )}
    </div>
  );
}

function rolloutText({ waves, pause_seconds, max_failed }: PlannedRollout): string {
  const named = waves
    .slice(0, waves_named_max)
    .map(({ count, servers }) => (count > servers.length ? texts.servers(count) : servers.join(', ')));
  return texts.rollout(named, waves.length, pause_seconds, max_failed);
}

function Change({ change }: { change: PlanChange }) {
  return (
    <li className={css.change} data-action={change.action}>
      <span className={css.sign} aria-hidden="true">
        {signs[change.action]}
      </span>
      <span className="visually-hidden">{words[change.action]}</span>
      <span className={css.path}>{visible(change.path)}</span>
      {'from' in change && change.from !== undefined && change.from !== null && (
        <del className={css.from}>{valueText(change.from)}</del>
      )}
      {'to' in change && change.to !== undefined && change.to !== null && (
        <ins className={css.to}>{valueText(change.to)}</ins>
      )}
      {change.note && (
        <span className={css.note}>
          <Foreign text={change.note} />
        </span>
      )}
    </li>
  );
}

/** Longer values have a line for each of their parts. */
const line_chars_max = 80;

function valueText(value: unknown): string {
  if (typeof value === 'string') return visible(value);
  const line = JSON.stringify(value);
  return visible(line.length <= line_chars_max ? line : JSON.stringify(value, null, 1));
}
