/** One version: what it is, who made it, the commits it brought; opened, how it differs from what is wanted now. */
import type { StackView } from '@mainstay/contract/operations/stacks';
import { Button, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import { useMay } from '../../../api/may.ts';
import { releases as texts } from '../../../texts/stack/releases.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { Foreign } from '../../../ui/foreign.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { Time } from '../../../ui/time.tsx';
import { type Status, shortCommit } from '../../../ui/words.ts';
import css from './releases.module.css';
import { type CommitChange, commitChanges, type Version } from './version-commits.ts';
import { VersionDifference } from './version-difference.tsx';

export type VersionRowProps = {
  stack: StackView;
  version: Version;
  before: Version | undefined;
  /** The version that it is compared with. */
  in_force: number | null;
  opened: boolean;
};

export const VersionRow = memo(function VersionRow({ stack, version, before, in_force, opened }: VersionRowProps) {
  const changes = commitChanges(version, before);
  const refusal = refusalOf(in_force, version);
  const number = version.version;
  return (
    <li className={css.version} data-serving={number === stack.serving_version || undefined}>
      <div className={css.head}>
        <h2 className={css.number}>{texts.version(number)}</h2>
        <StatusMark {...statusOf(stack, version)} />
        <span className={css.who}>
          <Time at={version.created_at} /> {texts.by(version.actor)} ·{' '}
          <Link to="/operations/$id" params={{ id: version.operation_id }} aria-label={texts.operationOf(number)}>
            {texts.operation}
          </Link>
        </span>
        <span className={css.buttons}>
          {refusal === null && (
            <Button
              variant="subtle"
              size="compact-sm"
              aria-label={opened ? texts.hideOf(number) : texts.compareOf(number)}
              aria-expanded={opened}
              renderRoot={(props) => (
                <Link
                  from="/stacks/$stack"
                  to="."
                  search={(old) => ({ ...old, act: undefined, version: opened ? undefined : number })}
                  resetScroll={false}
                  {...props}
                />
              )}
            >
              {opened ? texts.hide : texts.compare}
            </Button>
          )}
          <RollbackButton number={number} refusal={refusal} />
        </span>
      </div>
      <p className={css.summary}>
        <Foreign text={version.summary} />
      </p>
      <Commits changes={changes} total={Object.keys(version.commits).length} />
      {opened && <VersionDifference stack={stack.name} against={in_force} version={number} refusal={refusal} />}
    </li>
  );
});

function RollbackButton({ number, refusal }: { number: number; refusal: string | null }) {
  const may = useMay();
  if (!may('stacks:deploy')) return null;
  if (refusal !== null) {
    return (
      <Tooltip label={refusal}>
        <Button
          variant="default"
          size="compact-sm"
          data-disabled
          aria-disabled
          onClick={(event) => event.preventDefault()}
        >
          {texts.rollback}
        </Button>
      </Tooltip>
    );
  }
  return (
    <Button
      variant="default"
      size="compact-sm"
      aria-label={texts.rollbackOf(number)}
      renderRoot={(props) => (
        <Link
          from="/stacks/$stack"
          to="."
          search={(old) => ({ ...old, act: 'rollback' as const, version: number })}
          resetScroll={false}
          {...props}
        />
      )}
    >
      {texts.rollback}
    </Button>
  );
}

/** Why one cannot go back to it; null when one can. */
function refusalOf(in_force: number | null, version: Version): string | null {
  if (version.version === in_force) return texts.isCurrent;
  if (version.state === 'running') return texts.stillRunning;
  return version.state === 'failed' ? texts.neverServed : null;
}

function statusOf(stack: StackView, version: Version): Status {
  if (version.version === stack.serving_version) return { tone: 'good', word: texts.serves };
  if (version.state === 'running') return { tone: 'busy', word: texts.running };
  if (version.state === 'failed') return { tone: 'bad', word: texts.failed };
  return { tone: 'idle', word: texts.succeeded };
}

function Commits({ changes, total }: { changes: readonly CommitChange[]; total: number }) {
  const unchanged = total - changes.filter(({ commit }) => commit !== null).length;
  return (
    <ul className={css.commits}>
      {changes.map(({ service, commit, subject }) => (
        <li key={service}>
          <span className={css.service}>{service}</span>
          {commit === null ? (
            <span className="quiet">{texts.removedService}</span>
          ) : (
            <>
              <code title={commit}>{shortCommit(commit)}</code>
              <CopyButton text={commit} />
              <span className={css.subject}>
                {subject === null ? texts.noSubject : <Foreign text={subject} chars_max={200} title />}
              </span>
            </>
          )}
        </li>
      ))}
      {changes.length === 0 && <li className="quiet">{texts.noCommits}</li>}
      {changes.length > 0 && unchanged > 0 && <li className="quiet">{texts.unchanged(unchanged)}</li>}
    </ul>
  );
}
