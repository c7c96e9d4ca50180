/** The commit that was looked at. */
import { Skeleton } from '@mantine/core';
import type { Output } from '../../../api/client.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { Foreign } from '../../../ui/foreign.tsx';
import { Time } from '../../../ui/time.tsx';
import { shortCommit } from '../../../ui/words.ts';
import css from '../new-stack.module.css';

const texts = newStack.repository;

export function LookedAt({ found }: { found: Output<'sources.inspect'> | undefined }) {
  if (!found) {
    return (
      <div className={css.commit} aria-busy="true">
        <span className="visually-hidden">{texts.looking}</span>
        <Skeleton height={14} width="60%" my={5} />
        <Skeleton height={12} width="40%" my={5} />
      </div>
    );
  }
  return (
    <div className={css.commit}>
      <p className={css.subject}>
        <Foreign text={found.commit_subject} title />
      </p>
      <p className={css.commitLine}>
        <span className="visually-hidden">{texts.commit} </span>
        <code title={found.commit}>{shortCommit(found.commit)}</code>
        <CopyButton text={found.commit} />
        <span>
          {texts.by} <Foreign text={found.commit_author} />
        </span>
        <Time at={found.commit_at} />
      </p>
    </div>
  );
}
