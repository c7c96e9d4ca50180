/** The sheet that explains the keys. */
import { Kbd, Modal } from '@mantine/core';
import { general } from '../texts/general.ts';
import { shell } from '../texts/shell.ts';
import css from './shortcut-sheet.module.css';
import { shortcuts } from './shortcuts.ts';

export default function ShortcutSheet({ onClose }: { onClose(): void }) {
  return (
    <Modal opened onClose={onClose} title={shell.shortcuts} closeButtonProps={{ 'aria-label': general.close }}>
      <dl className={css.keys}>
        {shortcuts.map(({ word, shown }) => (
          <div key={word} className={css.row}>
            <dt>{word}</dt>
            <dd>
              {shown.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
