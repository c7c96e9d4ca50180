/** The facts of a server: what it is to run against what it runs, its last change, the machine and its agent. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { servers as texts } from '../../texts/servers.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { Foreign } from '../../ui/foreign.tsx';
import { labelsText } from '../../ui/labels.ts';
import { withoutEscapes } from '../../ui/log-view/ansi.ts';
import { cpuLimits, Meter } from '../../ui/meter.tsx';
import { Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { bytes } from '../../ui/words.ts';
import { driftOf } from './drift.ts';
import { LastChange } from './last-change.tsx';
import css from './server.module.css';
import { ServerDrift } from './server-drift.tsx';
import { ServerSecurity } from './server-security.tsx';
import { ServerTunnel } from './server-tunnel.tsx';
import { SetLabels } from './set-labels.tsx';

export type ServerOverviewProps = { server: ServerView; reported: AgentState | null };

export function ServerOverview({ server, reported }: ServerOverviewProps) {
  return (
    <>
      <Meters server={server} />
      <div className={css.overview}>
        <div className={css.column}>
          <DriftCard server={server} reported={reported} />
          <Section title={texts.receipt.title}>
            <LastChange receipt={reported?.receipt ?? null} />
          </Section>
          {reported && <ServerDrift reported={reported} />}
          {reported && <ServerSecurity server={server} reported={reported} />}
          {reported && <ServerTunnel server={server} reported={reported} />}
          {reported && <Machine reported={reported} />}
        </div>
        <div className={css.column}>
          <About server={server} />
          {reported && <Agent server={server} reported={reported} />}
        </div>
      </div>
    </>
  );
}

function Meters({ server: { usage, cpus } }: { server: ServerView }) {
  return (
    <section className={css.meters} aria-label={texts.now}>
      <Gauge word={texts.columns.cpu}>
        <Meter
          part={usage?.cpu_fraction ?? null}
          label={texts.columns.cpu}
          limits={cpuLimits}
          detail={usage ? texts.cpuDetail(texts.cores(cpus ?? 0), usage.load1.toFixed(2)) : undefined}
          detailed
        />
      </Gauge>
      <Gauge word={texts.columns.memory}>
        <Meter
          part={usage ? usage.memory_used_bytes / usage.memory_total_bytes : null}
          label={texts.columns.memory}
          detail={usage ? texts.of(bytes(usage.memory_used_bytes), bytes(usage.memory_total_bytes)) : undefined}
          detailed
        />
      </Gauge>
      <Gauge word={texts.columns.disk}>
        <Meter
          part={usage ? usage.disk_used_bytes / usage.disk_total_bytes : null}
          label={texts.columns.disk}
          detail={usage ? texts.of(bytes(usage.disk_used_bytes), bytes(usage.disk_total_bytes)) : undefined}
          detailed
        />
      </Gauge>
    </section>
  );
}

function Gauge({ word, children }: { word: string; children: ReactNode }) {
  return (
    <div className={css.gauge}>
      <p className={css.gaugeWord}>{word}</p>
      {children}
    </div>
  );
}

function DriftCard({ server, reported }: ServerOverviewProps) {
  const stacks = useRead('stacks.list', {}).data?.stacks;
  const desired = stacks?.find(({ name }) => name === server.stack)?.version ?? null;
  // Without the list of stacks nothing can be said of what is desired.
  const drift = stacks || server.stack === null ? driftOf(server, reported, desired) : null;
  return (
    <Section title={texts.drift.title}>
      <div className={css.drift}>
        {drift && <StatusMark tone={drift.tone} word={drift.text} />}
        {drift?.more && (
          <p className={css.driftMore}>
            <Foreign text={withoutEscapes(drift.more)} />
          </p>
        )}
      </div>
    </Section>
  );
}

/** What people say of it: policies match it. */
function About({ server }: { server: ServerView }) {
  const { labels, environment, stack, chosen_by, next_moves } = server;
  const words = texts.about;
  const [opened, setOpened] = useState(false);
  return (
    <Section
      title={words.title}
      aside={
        <Allowed to="servers:write">
          <Button variant="default" size="xs" onClick={() => setOpened(true)}>
            {words.change}
          </Button>
        </Allowed>
      }
    >
      {opened && <SetLabels server={server} onClose={() => setOpened(false)} />}
      <dl className={css.facts}>
        <Fact word={words.environment}>{environment ?? words.none}</Fact>
        <Fact word={words.labels}>{labelsText(labels) || words.none}</Fact>
        {chosen_by && <Fact word={words.chosenBy}>{`${stack}: ${labelsText(chosen_by)}`}</Fact>}
        {next_moves.map((next) => (
          <Fact key={next.stack} word={words.next}>
            {words.move[next.move](next.stack, next.why)}
          </Fact>
        ))}
      </dl>
    </Section>
  );
}

function Machine({ reported: { facts, usage } }: { reported: AgentState }) {
  const words = texts.facts;
  return (
    <Section title={words.title}>
      <dl className={css.facts}>
        <Fact word={words.hostname}>{facts.hostname}</Fact>
        <Fact word={words.os}>{facts.os}</Fact>
        <Fact word={words.kernel}>{facts.kernel}</Fact>
        <Fact word={words.arch}>{facts.arch}</Fact>
        <Fact word={words.cpus}>{texts.cores(facts.cpus)}</Fact>
        <Fact word={words.memory}>{bytes(facts.memory_bytes)}</Fact>
        <Fact word={words.disk}>{texts.of(bytes(usage.disk_used_bytes), bytes(usage.disk_total_bytes))}</Fact>
      </dl>
    </Section>
  );
}

function Agent({ server, reported }: { server: ServerView; reported: AgentState }) {
  const words = texts.agent;
  const { facts, backlog, proxy, usage } = reported;
  const { events, log_lines, dropped_events, dropped_log_lines } = backlog;
  return (
    <Section title={words.title}>
      <dl className={css.facts}>
        <Fact word={words.version}>{reported.agent_version}</Fact>
        <FactOf word={words.started}>
          <Time at={reported.started_at} />
        </FactOf>
        {server.enrolled_at !== null && (
          <FactOf word={words.enrolled}>
            <Time at={server.enrolled_at} />
          </FactOf>
        )}
        {server.last_seen_at !== null && (
          <FactOf word={words.seen}>
            <Time at={server.last_seen_at} />
          </FactOf>
        )}
        <Fact word={words.supervisor}>{texts.supervisor[facts.supervisor]}</Fact>
        <Fact word={words.proxy}>
          {`${texts.proxy[facts.proxy]}: ${proxy.state === 'running' ? texts.proxyState.running(proxy.address ?? '') : texts.proxyState[proxy.state]}`}
        </Fact>
        <Fact word={words.memory}>{bytes(usage.agent_rss_bytes)}</Fact>
        <Fact word={words.backlog}>
          {events + log_lines === 0 ? words.backlogNone : words.backlogWaiting(events, log_lines)}
          {dropped_events + dropped_log_lines > 0 && `; ${words.dropped(dropped_events, dropped_log_lines)}`}
        </Fact>
      </dl>
    </Section>
  );
}

/** A fact whose words come from the machine, and are shown as text whatever they hold. */
function Fact({ word, children }: { word: string; children: string | (string | false)[] }) {
  const text = Array.isArray(children) ? children.filter(Boolean).join('') : children;
  return (
    <FactOf word={word}>
      <Foreign text={text} />
    </FactOf>
  );
}

function FactOf({ word, children }: { word: string; children: ReactNode }) {
  return (
    <div>
      <dt>{word}</dt>
      <dd>{children}</dd>
    </div>
  );
}
