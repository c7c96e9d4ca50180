/** A form of the settings: what it asks for becomes a change, which is reviewed before it is made. What is refused stands at its field. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { general } from '../../texts/general.ts';
import { Section } from '../../ui/page.tsx';
import { type Refusal, useRefusal } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import css from './settings.module.css';

export type ReviewedFormProps = {
  title: string;
  /** Word on the button that leads to the review. */
  submit: string;
  review: { title: string; text: string; confirm: string };
  /** What is asked for; a field that is wrong by itself. */
  changeOf(): Change | { field: string; message: string };
  onCancel(): void;
  /** Called with what it gave, once it has begun; the review is closed before where this says so. */
  onAccepted(answer: { operation: OperationView; result: unknown }, close: () => void): void;
  onSucceeded?(): void;
  children(refusal: Refusal): ReactNode;
};

export function ReviewedForm(props: ReviewedFormProps) {
  const { title, submit, review, changeOf, onCancel, onAccepted, onSucceeded, children } = props;
  const [change, setChange] = useState<Change | null>(null);
  const close = () => setChange(null);
  const refusal = useRefusal(close);
  return (
    <Section title={title}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          const asked = changeOf();
          if ('field' in asked) return refusal.say(asked.field, asked.message);
          refusal.clear();
          setChange(asked);
        }}
      >
        {children(refusal)}
        <div className={css.controls}>
          <Button type="submit">{submit}</Button>
          <Button variant="default" onClick={onCancel}>
            {general.cancel}
          </Button>
        </div>
      </form>
      <ReviewChange
        change={change}
        title={review.title}
        confirm={review.confirm}
        onClose={close}
        onRefused={refusal.take}
        onAccepted={(answer) => onAccepted(answer, close)}
        {...(onSucceeded ? { onSucceeded } : {})}
      >
        <p className="quiet">{review.text}</p>
      </ReviewChange>
    </Section>
  );
}

export type NameFieldProps = {
  label: string;
  hint: string;
  value: string;
  set(value: string): void;
  refusal: Refusal;
  field?: string;
  /** It is there to be read: what has this name gets another value. */
  readOnly?: boolean;
  /** It is the one to begin with. */
  first?: boolean;
};

/** A field for a name, which no browser completes or corrects. */
export function NameField({ label, hint, value, set, refusal, field = 'name', readOnly, first }: NameFieldProps) {
  return (
    <TextInput
      label={label}
      description={hint}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
      error={refusal.at(field)}
      readOnly={readOnly === true}
      autoComplete="off"
      spellCheck={false}
      data-autofocus={first || undefined}
    />
  );
}
