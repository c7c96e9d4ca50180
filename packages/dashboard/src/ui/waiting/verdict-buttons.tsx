/** What this person may say on an operation, as buttons. Nothing where there is nothing to say. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { IconCheck, IconSignature, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { Word } from '../../api/own-key.ts';
import { waiting as texts } from '../../texts/waiting.ts';
import { SpeakDialog } from './speak-dialog.tsx';
import { useMe } from './use-me.ts';
import css from './waiting.module.css';
import { verdictsOf } from './waits.ts';

export function VerdictButtons({ operation, size = 'sm' }: { operation: OperationView; size?: 'xs' | 'sm' }) {
  const [verdict, setVerdict] = useState<Word['verdict'] | null>(null);
  const me = useMe();
  if (!me) return null;
  const may = verdictsOf(operation, me);
  const isOwn = me.actor.id === operation.actor.id;
  const about = (word: string) => `${word}: ${operation.plan.summary}`;
  return (
    <div className={css.verdicts}>
      {may.approve && (
        <Button
          size={size}
          leftSection={<IconCheck size={16} />}
          aria-label={about(texts.approve)}
          onClick={() => setVerdict('approve')}
        >
          {texts.approve}
        </Button>
      )}
      {may.confirm && (
        <Button
          size={size}
          color="red"
          leftSection={<IconSignature size={16} />}
          aria-label={about(texts.confirm)}
          onClick={() => setVerdict('confirm')}
        >
          {texts.confirm}
        </Button>
      )}
      {may.reject && (
        <Button
          size={size}
          variant="default"
          leftSection={<IconX size={16} />}
          aria-label={about(texts.reject)}
          onClick={() => setVerdict('reject')}
        >
          {texts.reject}
        </Button>
      )}
      {may.cancel && (
        <Button
          size={size}
          variant="default"
          aria-label={about(isOwn ? texts.cancel : texts.cancelOther)}
          onClick={() => setVerdict('cancel')}
        >
          {isOwn ? texts.cancel : texts.cancelOther}
        </Button>
      )}
      <SpeakDialog operation={operation} verdict={verdict} onClose={() => setVerdict(null)} />
    </div>
  );
}
