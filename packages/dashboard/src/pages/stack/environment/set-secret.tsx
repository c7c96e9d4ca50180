/** Sets a secret. Its value lives in this component alone: it is sent when the plan is made and carried out, and then forgotten. */
import type { AppError } from '@mainstay/contract/app-error';
import { Button, Modal, PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { secrets } from '../../../texts/stack/environment.ts';
import { refusalText } from '../../../ui/refusal.ts';
import { ReviewChange } from '../../../ui/review-change.tsx';
import formCss from '../forms.module.css';
import { problemOfName } from './env-rows.ts';

const texts = secrets.dialog;

export type SetSecretProps = {
  stack: string;
  /** Null for a new one. */
  name: string | null;
  onClose(): void;
  onSet(name: string): void;
};

type Refusal = { field: 'name' | 'value'; message: string };

export function SetSecret({ stack, name: existing, onClose, onSet }: SetSecretProps) {
  const [typed, setTyped] = useState(existing ?? '');
  const [value, setValue] = useState('');
  const [reviewing, setReviewing] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const name = typed.trim();
  const review = () => {
    const problem = name === '' ? texts.emptyName : existing === null ? problemOfName(name) : null;
    if (problem) return setRefusal({ field: 'name', message: problem });
    if (value === '') return setRefusal({ field: 'value', message: texts.emptyValue });
    setRefusal(null);
    setReviewing(true);
  };
  if (reviewing) {
    return (
      <ReviewChange
        change={{ id: 'secrets.set', input: { stack, name, value } }}
        title={secrets.review.title(name)}
        confirm={secrets.review.confirm}
        onClose={onClose}
        onSucceeded={() => onSet(name)}
        onRefused={(error: AppError) => {
          if (error.field !== 'name' && error.field !== 'value') return;
          setRefusal({ field: error.field, message: refusalText(error) });
          setReviewing(false);
        }}
      />
    );
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={existing === null ? texts.addTitle : texts.setTitle(existing)}
      closeButtonProps={{ 'aria-label': general.close }}
    >
      <form
        className={formCss.column}
        autoComplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          review();
        }}
      >
        {existing === null && (
          <TextInput
            label={texts.name}
            description={texts.nameText}
            value={typed}
            error={refusal?.field === 'name' ? refusal.message : null}
            onChange={(event) => setTyped(event.currentTarget.value)}
            onBlur={() => {
              const problem = name === '' ? null : problemOfName(name);
              setRefusal(problem ? { field: 'name', message: problem } : null);
            }}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        <PasswordInput
          label={texts.value}
          description={texts.valueText}
          value={value}
          error={refusal?.field === 'value' ? refusal.message : null}
          onChange={(event) => setValue(event.currentTarget.value)}
          autoComplete="new-password"
          data-autofocus={existing !== null || undefined}
        />
        <div className={formCss.tools} style={{ justifyContent: 'flex-end' }}>
          <Button variant="default" onClick={onClose}>
            {general.cancel}
          </Button>
          <Button type="submit">{texts.review}</Button>
        </div>
      </form>
    </Modal>
  );
}
