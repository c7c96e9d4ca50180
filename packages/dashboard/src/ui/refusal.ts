/** What the control plane refused of a form: the message stands at the field that it names. */
import type { AppError } from '@mainstay/contract/app-error';
import { useCallback, useRef, useState } from 'react';

export type Refusal = {
  /** The message at a field; null where nothing is wrong with it. */
  at(field: string): string | null;
  /** Says what is wrong with a field before anything is sent. */
  say(field: string, message: string): void;
  clear(): void;
  /** For ReviewChange's `onRefused`. */
  take(error: AppError): void;
};

/** The message of a refusal for the place of its field, which need not be named there, with what to do about it. */
export function refusalText({ message, hint, field }: Pick<AppError, 'message' | 'hint' | 'field'>): string {
  const prefix = `"${field}": `;
  const words = message.startsWith(prefix) ? message.slice(prefix.length) : message;
  return [words.charAt(0).toUpperCase() + words.slice(1), hint].filter(Boolean).join(' ');
}

/** @param onTaken Called after a refusal was taken, so that the dialog closes and the form is seen. */
export function useRefusal(onTaken: () => void): Refusal {
  const [refused, setRefused] = useState<{ field: string; message: string } | null>(null);
  const latest = useRef(onTaken);
  latest.current = onTaken;
  const take = useCallback((error: AppError) => {
    setRefused({ field: error.field ?? '', message: refusalText(error) });
    latest.current();
  }, []);
  return {
    at: (field) => (refused?.field === field ? refused.message : null),
    say: (field, message) => setRefused({ field, message }),
    clear: () => setRefused(null),
    take,
  };
}
