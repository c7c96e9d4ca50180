/** In the dialog that proposed it: what the operation waits for, and the person's own confirmation, given at once. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { IconSignature } from '@tabler/icons-react';
import { useOwnKey, useSpeak } from '../../api/own-key.ts';
import { waiting as texts } from '../../texts/waiting.ts';
import { ErrorNotice } from '../page.tsx';
import { KeyNotice } from './key-notice.tsx';
import { RequirementList } from './requirement-list.tsx';
import { useMe } from './use-me.ts';
import css from './waiting.module.css';
import { verdictsOf } from './waits.ts';

export function WaitingHere({ operation }: { operation: OperationView }) {
  const me = useMe();
  const key = useOwnKey();
  const speak = useSpeak(operation);
  const canConfirm = me !== null && verdictsOf(operation, me).confirm;
  const isUnable = operation.requirement?.proof === 'signed' && key.state === 'impossible';
  return (
    <div className={css.form}>
      <RequirementList operation={operation} />
      {canConfirm && <KeyNotice operation={operation} verdict="confirm" />}
      {speak.error && <ErrorNotice title={texts.failed} error={speak.error} />}
      {canConfirm && (
        <div className={css.verdicts}>
          <Button
            color="red"
            leftSection={<IconSignature size={16} />}
            loading={speak.isPending}
            disabled={isUnable || key.state === 'loading'}
            onClick={() => speak.mutate({ verdict: 'confirm' })}
          >
            {texts.confirm}
          </Button>
        </div>
      )}
    </div>
  );
}
