/** What a person must know of their key before they sign with it: that there is none yet, that it does not count yet, that it cannot be. */
import type { OperationView } from '@mainstay/contract/operation';
import { Alert } from '@mantine/core';
import { IconKey } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useOwnKey } from '../../api/own-key.ts';
import { keys } from '../../texts/keys.ts';
import { waiting as texts } from '../../texts/waiting.ts';
import { CodeBlock } from '../code-block.tsx';
import { Fingerprint } from '../fingerprint.tsx';
import css from './waiting.module.css';

export type KeyNoticeProps = { operation: OperationView; verdict: 'approve' | 'confirm' };

export function KeyNotice({ operation, verdict }: KeyNoticeProps) {
  const { state, id } = useOwnKey();
  if (operation.requirement?.proof !== 'signed') return null;
  if (state === 'admitted') return <p className={css.quiet}>{texts.signedHint}</p>;
  if (state === 'pending') {
    return (
      <Alert color="yellow" variant="light" icon={<IconKey />} title={keys.pendingTitle}>
        <div className={css.notice}>
          <p>{keys.pendingText}</p>
          <KeysLink />
          {id !== null && <Fingerprint id={id} />}
        </div>
      </Alert>
    );
  }
  if (state === 'impossible') {
    return (
      <Alert color="yellow" variant="light" icon={<IconKey />} title={keys.impossible}>
        <div className={css.notice}>
          <p>{keys.impossibleHint}</p>
          <p>{texts.cli}</p>
          <CodeBlock text={`mainstay ops ${verdict} ${operation.id ?? ''}`} />
        </div>
      </Alert>
    );
  }
  return (
    <p className={css.quiet}>
      {texts.signHint} <KeysLink />
    </p>
  );
}

function KeysLink() {
  return (
    <Link to="/settings" search={{ tab: 'keys' }}>
      {keys.open}
    </Link>
  );
}
