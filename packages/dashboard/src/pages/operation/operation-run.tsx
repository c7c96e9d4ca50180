/** The run that carries an operation out, as the graph of its steps. */
import { Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { runs as texts } from '../../texts/runs.ts';
import { RunSteps } from '../runs/run-steps.tsx';
import { endedStates } from '../runs/run-words.ts';
import css from './operation.module.css';

const running_every_ms = 3_000;

/** Nothing while it is not known, or was forgotten for its age: the operation tells what came of it all the same. */
export function OperationRun({ id }: { id: string }) {
  const known = useRead('runs.get', { id }).data?.run.state;
  const isRunning = known !== undefined && !endedStates.includes(known);
  const { data } = useRead('runs.get', { id }, isRunning ? { every_ms: running_every_ms } : {});
  if (!data) return null;
  const link = (
    <Link to="/runs/$id" params={{ id }} className={css.small}>
      {texts.openRun}
    </Link>
  );
  return <RunSteps data={data} chosen={undefined} aside={link} />;
}
