/** Asks for the value of a secret and seals it. The value is in the memory of this component only. */
import { Button, Modal, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { refusalText } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import css from '../new-stack.module.css';

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
      <Modal
        opened={change === null}
        onClose={onClose}
        title={texts.secretTitle(name)}
        closeButtonProps={{ 'aria-label': general.close }}
      >
        <form
          className={css.dialog}
          onSubmit={(event) => {
            event.preventDefault();
            if (value === '') return setProblem(texts.secretEmpty);
            setProblem(null);
            setChange({ id: 'secrets.set', input: { stack, name, value } });
          }}
        >
          <p className="quiet">{texts.secretLead(stack)}</p>
          <PasswordInput
            label={texts.secretField}
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
            error={problem}
            autoComplete="off"
            data-autofocus
          />
          <div className={css.buttons}>
            <Button variant="default" onClick={onClose}>
              {general.cancel}
            </Button>
            <Button type="submit">{texts.secretReview}</Button>
          </div>
        </form>
      </Modal>
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
