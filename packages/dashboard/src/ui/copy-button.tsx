/** Copies a text, and says so to the eye and the ear. */
import { ActionIcon, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { general } from '../texts/general.ts';

export function CopyButton({ text, label = general.copy }: { text: string; label?: string }) {
  const button = useRef<HTMLButtonElement>(null);
  const [outcome, setOutcome] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(null), 2_000);
    return () => clearTimeout(timer);
  }, [outcome]);
  // Async, so that a browser that gives no clipboard to pages over plain HTTP counts as one that refuses.
  const copy = () =>
    (async () => navigator.clipboard.writeText(text))().then(
      () => setOutcome('copied'),
      () => setOutcome('refused'),
    );
  const word = outcome === 'copied' ? general.copied : outcome === 'refused' ? general.copyFailed : label;
  return (
    <>
      <ActionIcon ref={button} size="sm" aria-label={word} title={word} onClick={() => void copy()}>
        {outcome === 'copied' ? <IconCheck size={15} /> : <IconCopy size={15} />}
      </ActionIcon>
      {/* Made only when there is something to say: a list may have hundreds of these buttons. */}
      {outcome !== null && <Tooltip target={button} label={word} opened />}
    </>
  );
}
