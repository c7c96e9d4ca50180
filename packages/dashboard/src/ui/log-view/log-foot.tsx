/** Below a log: what of it is loaded, whether it goes on, and what can be done with the line that is pointed at. */
import { Button } from '@mantine/core';
import { logs as texts } from '../../texts/logs.ts';
import { CopyButton } from '../copy-button.tsx';
import { timeOfDay } from '../time.tsx';
import type { LogState } from './log-reader.ts';
import css from './log-view.module.css';
import type { LogLine } from './log-window.ts';

export type LogFootProps = {
  state: LogState;
  follows: boolean;
  /** The line of the address; its line null while it is not among those that are loaded. */
  linked: { cursor: number; line: LogLine | null } | null;
  onUnlink(): void;
  onWhole(line: LogLine): void;
};

export function LogFoot({ state, follows, linked, onUnlink, onWhole }: LogFootProps) {
  const { window, is_opening, error } = state;
  const reach = window.more_before ? texts.olderExist : texts.reachesBeginning;
  const line = linked?.line ?? null;
  return (
    <div className={css.foot}>
      <span role="status" className={css.footText}>
        {error
          ? `${texts.failed}: ${error.message}`
          : is_opening
            ? texts.opening
            : follows
              ? texts.following
              : texts.notFollowing}
      </span>
      {!is_opening && (
        <span className={css.footText}>
          {texts.loaded(window.lines.length)}, {reach}
        </span>
      )}
      <span className={css.footActions}>
        {linked && !is_opening && !line && <span>{texts.lineGone}</span>}
        {line && (
          <>
            <span>{texts.lineOf(timeOfDay(line.at))}</span>
            <CopyButton text={location.href} label={texts.copyLineLink} />
            <Button size="compact-xs" variant="default" onClick={() => onWhole(line)}>
              {texts.showWhole}
            </Button>
          </>
        )}
        {linked && (
          <Button size="compact-xs" variant="subtle" color="gray" onClick={onUnlink}>
            {texts.unselect}
          </Button>
        )}
        {!linked && <CopyButton text={location.href} label={texts.copyLink} />}
      </span>
    </div>
  );
}
