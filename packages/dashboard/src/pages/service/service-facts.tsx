/** Below the title: which release serves, since when, where it is reached, what it uses. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { service as texts } from '../../texts/service.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Foreign } from '../../ui/foreign.tsx';
import { Time } from '../../ui/time.tsx';
import { bytes, percent, shortCommit } from '../../ui/words.ts';
import { servingRelease } from '../stack/services/service-rows.ts';
import css from './service.module.css';

const words = texts.facts;

export function ServiceFacts({ entries }: { entries: readonly ServiceOnServer[] }) {
  const known = entries.flatMap(({ observed }) => (observed ? [observed] : []));
  const restarts = known.reduce((sum, one) => sum + one.restarts, 0);
  const running = known.filter(({ state }) => state === 'running' || state === 'unhealthy');
  const since = running.flatMap((one) => (one.since === null ? [] : [one.since]));
  const cpu = running.reduce((sum, one) => sum + (one.cpu_fraction ?? 0), 0);
  const memory = running.reduce((sum, one) => sum + (one.memory_bytes ?? 0), 0);
  const isMeasured = running.some((one) => one.memory_bytes !== null);
  const isReached = known.some(({ url }) => url !== null) || known.every((one) => one.internal_url === null);
  return (
    <dl className={css.facts} aria-label={words.label}>
      <Fact name={words.release} wide>
        <Release entries={entries} />
      </Fact>
      <Fact name={words.running}>{since.length > 0 ? <Time at={Math.max(...since)} form="for" /> : words.notYet}</Fact>
      <Fact name={words.restarts}>
        <span title={words.restartsHint}>{known.length > 0 ? restarts : words.notYet}</span>
      </Fact>
      <Fact name={words.usage}>{isMeasured ? `${percent(cpu)} · ${bytes(memory)}` : words.notYet}</Fact>
      <Fact name={isReached ? words.reached : words.internalReached} wide>
        <Address entries={entries} />
      </Fact>
      <Fact name={words.servers}>
        <Servers names={entries.map(({ server }) => server)} />
      </Fact>
    </dl>
  );
}

function Servers({ names }: { names: readonly string[] }) {
  const [first] = names;
  if (first === undefined) return words.notYet;
  return (
    <span className={css.release} title={names.join(', ')}>
      <Link className={css.subject} to="/servers/$server" params={{ server: first }}>
        {first}
      </Link>
      {names.length > 1 && <span className="quiet">{words.more(names.length - 1)}</span>}
    </span>
  );
}

function Fact({ name, wide = false, children }: { name: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={css.fact} data-wide={wide || undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Release({ entries }: { entries: readonly ServiceOnServer[] }) {
  const serving = entries.flatMap((entry) => servingRelease(entry) ?? []);
  const [first] = serving;
  const commits = new Set(serving.map(({ commit }) => commit));
  if (!first) return words.none;
  if (commits.size > 1) return words.differ(commits.size);
  const wanted = entries.find(({ desired_commit }) => desired_commit !== null && desired_commit !== first.commit);
  return (
    <span className={css.release}>
      <code title={first.commit}>{shortCommit(first.commit)}</code>
      <CopyButton text={first.commit} label={words.copyCommit} />
      <span className={css.subject}>
        {first.subject === null ? (
          <span className="quiet">{words.noSubject}</span>
        ) : (
          <Foreign text={first.subject} chars_max={200} title />
        )}
      </span>
      {wanted?.desired_commit && <span className={css.wanted}>{words.wanted(shortCommit(wanted.desired_commit))}</span>}
    </span>
  );
}

function Address({ entries }: { entries: readonly ServiceOnServer[] }) {
  const reached = [...new Set(entries.flatMap(({ observed }) => observed?.url ?? []))];
  const internal = entries.flatMap(({ observed }) => observed?.internal_url ?? [])[0];
  const [url] = reached;
  if (url === undefined) {
    return (
      <span className={css.release}>
        {internal === undefined ? (
          words.internal
        ) : (
          <>
            <code className={css.subject} title={internal}>
              {internal}
            </code>
            <CopyButton text={internal} label={words.copyUrl} />
          </>
        )}
      </span>
    );
  }
  return (
    <span className={css.release}>
      <a className={css.subject} href={url} target="_blank" rel="noreferrer noopener" title={words.open(url)}>
        {url}
      </a>
      <CopyButton text={url} label={words.copyUrl} />
      {reached.length > 1 && <span className="quiet">{words.more(reached.length - 1)}</span>}
    </span>
  );
}
