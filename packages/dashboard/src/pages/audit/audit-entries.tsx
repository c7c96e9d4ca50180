/** Entries as lines, newest first; each opens to all that it holds. */
import type { AuditEntryView } from '@mainstay/contract/operations/audit';
import { Link } from '@tanstack/react-router';
import { audit as texts } from '../../texts/audit.ts';
import { operation } from '../../texts/operation.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { absoluteTime, Time } from '../../ui/time.tsx';
import type { Tone } from '../../ui/words.ts';
import css from './audit.module.css';

export function AuditEntries({ entries }: { entries: readonly AuditEntryView[] }) {
  return (
    <ul className={css.entries} aria-label={texts.entries}>
      {entries.map((entry) => (
        <li key={entry.cursor}>
          <Entry entry={entry} />
        </li>
      ))}
    </ul>
  );
}

function toneOf({ outcome, kind }: AuditEntryView): Tone {
  if (outcome === 'failed' || kind.endsWith('.alert')) return 'bad';
  if (outcome === 'refused') return 'warning';
  return outcome === 'succeeded' ? 'good' : 'idle';
}

function Entry({ entry }: { entry: AuditEntryView }) {
  return (
    <details className={css.entry}>
      <summary>
        <span className={css.seq}>{entry.seq ?? '…'}</span>
        <span className={css.kind}>
          <StatusMark tone={toneOf(entry)} word={texts.kinds[entry.kind]} />
        </span>
        <span className={css.target}>{entry.target !== null && visible(entry.target, 120)}</span>
        <span className={css.actor}>{entry.actor ? visible(entry.actor.name, 64) : texts.nobody}</span>
        <span className={css.when}>
          <Time at={entry.at} />
        </span>
      </summary>
      <Details entry={entry} />
    </details>
  );
}

function Details({ entry }: { entry: AuditEntryView }) {
  const words = texts.details;
  const { seq, hash, actor, operation_id, run_id, target, plan_hash, data } = entry;
  return (
    <dl className={css.details}>
      <Fact name={words.at}>{absoluteTime(entry.at)}</Fact>
      <Fact name={words.actor}>
        {actor === null ? (
          texts.nobody
        ) : (
          <>
            <Foreign text={actor.name} /> <span className={css.quiet}>{operation.proofs[actor.proof]}</span>{' '}
            <Link to="/audit" search={{ actor: actor.name }}>
              {words.only}
            </Link>
          </>
        )}
      </Fact>
      {target !== null && (
        <Fact name={words.target}>
          <Link to="/audit" search={{ target }}>
            {visible(target)}
          </Link>
        </Fact>
      )}
      {(entry.operation !== null || operation_id !== null) && (
        <Fact name={words.operation}>
          {entry.operation !== null && <code>{visible(entry.operation)}</code>}{' '}
          {operation_id !== null && (
            <Link to="/operations/$id" params={{ id: operation_id }}>
              {words.openOperation}
            </Link>
          )}
        </Fact>
      )}
      {run_id !== null && (
        <Fact name={words.run}>
          <Link to="/runs/$id" params={{ id: run_id }}>
            {words.openRun}
          </Link>
        </Fact>
      )}
      {plan_hash !== null && (
        <Fact name={words.plan}>
          <code>{plan_hash.slice(0, 16)}</code> <CopyButton text={plan_hash} />
        </Fact>
      )}
      <Fact name={words.number}>{seq ?? words.unchained}</Fact>
      {hash !== null && (
        <Fact name={words.hash}>
          <code>{hash.slice(0, 16)}</code> <CopyButton text={hash} />
        </Fact>
      )}
      <Fact name={words.id}>
        <code>{entry.id}</code> <CopyButton text={entry.id} />
      </Fact>
      {Object.entries(data).map(([name, value]) => (
        <Fact key={name} name={visible(name)}>
          {typeof value === 'object' && value !== null ? (
            <pre className={css.json}>{visible(JSON.stringify(value, null, 2), 8_000)}</pre>
          ) : (
            <Foreign text={String(value)} />
          )}
        </Fact>
      ))}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
