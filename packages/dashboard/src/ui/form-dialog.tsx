/** A small form in a dialog: what it is about, what it asks for, and the buttons that lead on and out. */
import { Button, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { general } from '../texts/general.ts';
import css from './form-dialog.module.css';

export type FormDialogProps = {
  opened: boolean;
  title: string;
  lead: string;
  /** Word on the button that leads on. */
  submit: string;
  /** There is nothing to choose. */
  disabled?: boolean;
  onSubmit(): void;
  onClose(): void;
  children: ReactNode;
};

export function FormDialog({ opened, title, lead, submit, disabled, onSubmit, onClose, children }: FormDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ 'aria-label': general.close }}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <p className="quiet">{lead}</p>
        {children}
        <div className={css.buttons}>
          <Button variant="default" onClick={onClose}>
            {general.cancel}
          </Button>
          <Button type="submit" disabled={disabled === true}>
            {submit}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
