/** How far a release has come on its way to serving. */
import type { DeployStage } from '@mainstay/contract/agent-api';
import { services as texts } from '../../../texts/stack/services.ts';
import css from './deploy-steps.module.css';

const stages = ['sync', 'build', 'start', 'health', 'switch', 'drain'] as const satisfies DeployStage[];

export function DeploySteps({ stage }: { stage: DeployStage }) {
  const at = stage === 'done' ? stages.length : stages.indexOf(stage);
  return (
    <ol className={css.steps} aria-label={texts.stepsLabel(texts.step[stage])}>
      {stages.map((step, index) => (
        <li
          key={step}
          className={css.step}
          data-state={index < at ? 'done' : index === at ? 'now' : 'ahead'}
          aria-current={index === at ? 'step' : undefined}
        >
          <span className={css.word}>{texts.step[step]}</span>
        </li>
      ))}
    </ol>
  );
}
