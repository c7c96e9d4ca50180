/** One rule: its name and what it does, in words; all of it as text when it is opened. */
import type { PolicyRule } from '@mainstay/contract/policy';
import { policies as texts } from '../../texts/policies.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { TextScroller } from '../../ui/scroller.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import css from './policies.module.css';
import { demandWords, matchWords } from './rule-words.ts';

const tones = { allow: 'good', deny: 'bad', require: 'warning' } as const;

export function RuleRow({ name, rule }: { name: string; rule: PolicyRule }) {
  const demand = demandWords(rule);
  return (
    <li className={css.rule}>
      <StatusMark tone={tones[rule.effect]} word={texts.effects[rule.effect]} />
      <div className={css.ruleText}>
        <h3>
          <code>{visible(name)}</code>
        </h3>
        {rule.description && (
          <p>
            <Foreign text={rule.description} />
          </p>
        )}
        <p className={css.match}>
          <Foreign text={matchWords(rule)} />
        </p>
        {demand && (
          <p>
            <Foreign text={demand} />
          </p>
        )}
        <details>
          <summary>{texts.asText}</summary>
          <TextScroller className="printed">{visible(asText(rule), 8_000)}</TextScroller>
        </details>
      </div>
    </li>
  );
}

/** As it would stand in a file: JSON is YAML too. */
function asText(rule: PolicyRule): string {
  return JSON.stringify(rule, null, 2);
}
