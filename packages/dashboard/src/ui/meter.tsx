/** How full something is, as a figure and a bar; the bar says nothing that the figure does not. */
import css from './meter.module.css';
import { percent } from './words.ts';

/** Shares of the processors from which a meter warns; one that is fully used is no fault by itself. */
export const cpuLimits = [0.9, 2] as const;

export type MeterProps = {
  /** Part of one; null where it is not known. */
  part: number | null;
  /** Names it to those who do not see the table around it. */
  label: string;
  /** The figures in full, on hover and below. */
  detail?: string | undefined;
  /** Shows the detail under the bar. */
  detailed?: boolean;
  /** Part from which it is drawn as a warning, and as bad. */
  limits?: readonly [warning: number, bad: number];
};

export function Meter({ part, label, detail, detailed = false, limits = [0.85, 0.95] }: MeterProps) {
  if (part === null) return <span className="quiet">–</span>;
  const tone = part >= limits[1] ? 'bad' : part >= limits[0] ? 'warning' : 'good';
  const width = `${Math.min(100, Math.max(0, part * 100))}%`;
  return (
    <div className={css.meter} title={detail}>
      <span className={css.figure}>
        <span className="visually-hidden">{label} </span>
        {percent(part)}
      </span>
      <span className={css.bar} data-tone={tone} aria-hidden="true">
        <span style={{ width }} />
      </span>
      {detailed && detail && <span className={css.detail}>{detail}</span>}
    </div>
  );
}
