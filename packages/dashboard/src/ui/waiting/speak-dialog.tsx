/** Approving, rejecting, confirming and taking back: what is said, why, and that it is bound to exactly this plan. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button, Modal, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useOwnKey, useSpeak, type Word } from '../../api/own-key.ts';
import { change } from '../../texts/change.ts';
import { general } from '../../texts/general.ts';
import { waiting as texts } from '../../texts/waiting.ts';
import { useFocusBack } from '../focus-back.ts';
import { visible } from '../foreign.tsx';
import { ErrorNotice } from '../page.tsx';
import { KeyNotice } from './key-notice.tsx';
import css from './waiting.module.css';

type Verdict = Word['verdict'];

const titles: Record<Verdict, string> = {
  approve: texts.approveTitle,
  reject: texts.rejectTitle,
  confirm: texts.confirmTitle,
  cancel: texts.cancelTitle,
};

const acts: Record<Verdict, string> = {
  approve: texts.approveDo,
  reject: texts.rejectDo,
  confirm: texts.confirm,
  cancel: texts.cancelDo,
};

export type SpeakDialogProps = { operation: OperationView; verdict: Verdict | null; onClose(): void };

export function SpeakDialog({ operation, verdict, onClose }: SpeakDialogProps) {
  useFocusBack(verdict !== null);
  return (
    <Modal
      opened={verdict !== null}
      onClose={onClose}
      title={verdict && titles[verdict]}
      closeButtonProps={{ 'aria-label': general.close }}
    >
      {verdict && <Speak operation={operation} verdict={verdict} onClose={onClose} />}
    </Modal>
  );
}

function Speak({ operation, verdict, onClose }: { operation: OperationView; verdict: Verdict; onClose(): void }) {
  const [reason, setReason] = useState('');
  const [isEmpty, setEmpty] = useState(false);
  const speak = useSpeak(operation);
  const key = useOwnKey();
  const isSigned = verdict === 'approve' || verdict === 'confirm';
  const isUnable = isSigned && operation.requirement?.proof === 'signed' && key.state === 'impossible';
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        const why = reason.trim();
        if (verdict === 'reject' && why === '') return setEmpty(true);
        if (!speak.isPending) speak.mutate({ verdict, reason: why }, { onSuccess: onClose });
      }}
    >
      <p className={css.summary}>{visible(operation.plan.summary, 300)}</p>
      <p className={css.quiet}>
        {verdict === 'cancel' ? texts.cancelText : texts.approveText} {change.planHash}{' '}
        <code title={operation.plan.hash}>{operation.plan.hash.slice(0, 12)}</code>
      </p>
      {isSigned && <KeyNotice operation={operation} verdict={verdict} />}
      {verdict !== 'confirm' && (
        <Textarea
          label={verdict === 'reject' ? texts.rejectReason : texts.approveReason}
          description={verdict === 'reject' ? texts.rejectHint : undefined}
          value={reason}
          maxLength={1_000}
          autosize
          minRows={2}
          maxRows={8}
          error={isEmpty ? texts.reasonEmpty : null}
          onChange={(event) => {
            setReason(event.currentTarget.value);
            setEmpty(false);
          }}
          data-autofocus={verdict === 'reject' || undefined}
        />
      )}
      {speak.error && <ErrorNotice title={texts.failed} error={speak.error} />}
      <div className={css.buttons}>
        <Button variant="default" onClick={onClose}>
          {general.close}
        </Button>
        <Button
          type="submit"
          color={verdict === 'approve' ? undefined : 'red'}
          loading={speak.isPending}
          disabled={isUnable || key.state === 'loading'}
        >
          {acts[verdict]}
        </Button>
      </div>
    </form>
  );
}
