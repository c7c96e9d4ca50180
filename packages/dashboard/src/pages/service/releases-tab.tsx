/** The releases that each server keeps: what serves, what may be gone back to without a build, and what failed. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Button, Tooltip } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMay } from '../../api/may.ts';
import { useRead } from '../../api/queries.ts';
import { service } from '../../texts/service.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Foreign } from '../../ui/foreign.tsx';
import { EmptyState, ErrorNotice, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { TableHead } from '../../ui/table-head.tsx';
import { Time } from '../../ui/time.tsx';
import { shortCommit, type Tone } from '../../ui/words.ts';
import css from './service.module.css';
import { type Release, type Version, versionOf } from './service-state.ts';
import type { TabProps } from './tab-props.ts';

const texts = service.releases;
const route = getRouteApi('/stacks/$stack/services/$service');

const tones: Record<Release['state'], Tone> = {
  serving: 'good',
  candidate: 'busy',
  draining: 'busy',
  kept: 'idle',
  failed: 'bad',
};

export default function ReleasesTab({ stack, entries }: TabProps) {
  const versions = useRead('stacks.versions', { stack, limit: 100 });
  return (
    <div className={css.sections}>
      <p className="quiet">{texts.lead}</p>
      {versions.error && (
        <ErrorNotice title={texts.versionsFailed} error={versions.error} retry={() => void versions.refetch()} />
      )}
      {entries.map((entry) => (
        <Section key={entry.server} title={texts.on(entry.server)} flush>
          <Releases entry={entry} versions={versions.data?.versions ?? []} />
        </Section>
      ))}
    </div>
  );
}

type ReleasesProps = { entry: ServiceOnServer; versions: readonly Version[] };

function Releases({ entry, versions }: ReleasesProps) {
  const releases = (entry.observed?.releases ?? []).toSorted((a, b) => b.created_at - a.created_at);
  if (releases.length === 0) return <EmptyState title={texts.empty}>{texts.emptyText}</EmptyState>;
  return (
    <div className={css.scroll}>
      <table className={css.table}>
        <TableHead
          titles={[
            texts.columns.state,
            texts.columns.commit,
            texts.columns.author,
            texts.columns.committed,
            texts.columns.made,
          ]}
        />
        <tbody>
          {releases.map((release) => (
            <ReleaseRow key={release.release_id} release={release} entry={entry} versions={versions} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function ReleaseRow({ release, entry, versions }: ReleasesProps & { release: Release }) {
  const { release_id, commit, commit_subject, commit_author, commit_at, state, created_at } = release;
  return (
    <tr>
      <td>
        <StatusMark tone={tones[state]} word={texts.states[state]} />
        {entry.desired_release_id === release_id && state !== 'serving' && (
          <span className={css.wanted}>{texts.wanted}</span>
        )}
      </td>
      <td className={css.commitCell}>
        <span className={css.release}>
          <code title={commit}>{shortCommit(commit)}</code>
          <CopyButton text={commit} label={service.facts.copyCommit} />
          <span className={css.subject}>
            {commit_subject === null ? (
              <span className="quiet">{service.facts.noSubject}</span>
            ) : (
              <Foreign text={commit_subject} chars_max={200} title />
            )}
          </span>
        </span>
      </td>
      <td className={css.author}>
        {commit_author === null ? (
          <span className="quiet">{texts.unknownAuthor}</span>
        ) : (
          <Foreign text={commit_author} chars_max={80} title />
        )}
      </td>
      <td>{commit_at === null ? service.facts.notYet : <Time at={commit_at} />}</td>
      <td>
        <Time at={created_at} />
      </td>
      <td className={css.actionsCell}>
        <Button
          size="compact-xs"
          variant="subtle"
          renderRoot={(props) => (
            <Link
              to="/stacks/$stack/services/$service"
              params={{ stack: entry.stack, service: entry.service }}
              search={{ release: release_id, server: entry.server }}
              aria-label={`${texts.log}: ${shortCommit(commit)}`}
              {...props}
            />
          )}
        >
          {texts.log}
        </Button>
        <RollBack release={release} entry={entry} versions={versions} />
      </td>
    </tr>
  );
}

function RollBack({ release, entry, versions }: ReleasesProps & { release: Release }) {
  const navigate = route.useNavigate();
  const may = useMay();
  const version = versionOf(versions, entry.service, release.release_id);
  const refusal =
    release.state === 'serving'
      ? texts.serves
      : release.state === 'failed'
        ? texts.failed
        : version === null
          ? texts.noVersion
          : null;
  if (!may('stacks:deploy')) return null;
  return (
    <Tooltip label={refusal} disabled={refusal === null}>
      <Button
        size="compact-xs"
        variant="default"
        data-disabled={refusal === null ? undefined : true}
        aria-disabled={refusal === null ? undefined : true}
        aria-label={`${texts.rollback}: ${shortCommit(release.commit)}`}
        onClick={() => {
          if (refusal !== null || version === null) return;
          void navigate({
            search: (old) => ({ ...old, act: 'rollback', version: version.version }),
            resetScroll: false,
          });
        }}
      >
        {texts.rollback}
      </Button>
    </Tooltip>
  );
}
