/** One line in full, however long it is. */
import { Modal } from '@mantine/core';
import { general } from '../../texts/general.ts';
import { logs as texts } from '../../texts/logs.ts';
import { CopyButton } from '../copy-button.tsx';
import { TextScroller } from '../scroller.tsx';
import { absoluteTime } from '../time.tsx';
import { plainText, visibleControls } from './line-text.ts';
import css from './log-view.module.css';
import type { LogLine } from './log-window.ts';

export function WholeLine({ line, onClose }: { line: LogLine | null; onClose(): void }) {
  return (
    <Modal
      opened={line !== null}
      onClose={onClose}
      title={texts.wholeTitle}
      size="xl"
      closeButtonProps={{ 'aria-label': general.close }}
    >
      {line && (
        <div className={css.wholeLine}>
          <p className={css.wholeHead}>
            <span>{absoluteTime(line.at)}</span>
            <span>{line.server}</span>
            <span>{texts.streams[line.stream]}</span>
            <span>{texts.wholeLength(plainText(line.text).length)}</span>
            <CopyButton text={plainText(line.text)} />
          </p>
          <TextScroller className={css.wholeText}>
            <bdi dir="ltr">{visibleControls(plainText(line.text)).toWellFormed()}</bdi>
          </TextScroller>
        </div>
      )}
    </Modal>
  );
}
