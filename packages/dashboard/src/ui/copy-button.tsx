/** Copies a text, and says so to the eye and the ear. */
import { ActionIcon, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { common } from '../texts/common.ts';

export function CopyButton({ text, label = common.copy }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused' | null>(null);
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(null), 2_000);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setOutcome('copied'),
      () => setOutcome('refused'),
    );
  const word = outcome === 'copied' ? common.copied : outcome === 'refused' ? common.copyFailed : label;
  return (
    <Tooltip label={word} opened={outcome !== null || undefined}>
      <ActionIcon size="sm" aria-label={word} onClick={() => void copy()}>
        {outcome === 'copied' ? <IconCheck size={15} /> : <IconCopy size={15} />}
      </ActionIcon>
    </Tooltip>
  );
}
