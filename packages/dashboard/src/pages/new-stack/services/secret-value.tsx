/** Asks for the value of a secret and seals it. The value is in the memory of this component only. */
import { PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { newStack } from '../../../texts/new-stack.ts';
import { FormDialog } from '../../../ui/form-dialog.tsx';
import { refusalText } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';

const texts = newStack.service;

export type SecretValueProps = { stack: string; name: string | null; onClose(): void };

export function SecretValue({ stack, name, onClose }: SecretValueProps) {
  return name !== null && <Asking key={name} stack={stack} name={name} onClose={onClose} />;
}

function Asking({ stack, name, onClose }: { stack: string; name: string; onClose(): void }) {
  const [value, setValue] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  return (
    <>
      <FormDialog
        opened={change === null}
        title={texts.secretTitle(name)}
        lead={texts.secretLead(stack)}
        submit={texts.secretReview}
        onSubmit={() => {
          if (value === '') return setProblem(texts.secretEmpty);
          setProblem(null);
          setChange({ id: 'secrets.set', input: { stack, name, value } });
        }}
        onClose={onClose}
      >
        <PasswordInput
          label={texts.secretField}
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
          error={problem}
          autoComplete="off"
          data-autofocus
        />
      </FormDialog>
      <ReviewChange
        change={change}
        title={texts.secretReviewTitle(name)}
        confirm={texts.secretConfirm}
        onClose={() => setChange(null)}
        onRefused={(error) => {
          setProblem(refusalText(error));
          setChange(null);
        }}
        onSucceeded={onClose}
      />
    </>
  );
}
