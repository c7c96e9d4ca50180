/** A command or a piece of a file that is meant to be copied. */

import css from './code-block.module.css';
import { CopyButton } from './copy-button.tsx';
import { TextScroller } from './scroller.tsx';

export type CodeBlockProps = {
  text: string;
  /** What it is, to those who hear it: `Copy the command`. */
  copyLabel?: string;
};

export function CodeBlock({ text, copyLabel }: CodeBlockProps) {
  return (
    <div className={css.block}>
      <TextScroller>{text}</TextScroller>
      <CopyButton text={text} {...(copyLabel === undefined ? {} : { label: copyLabel })} />
    </div>
  );
}
