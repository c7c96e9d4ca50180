/**
 * The units of this server that are Mainstay's: the agent, the proxy, the tunnel, and the instances of services; as units of systemd where they
 * are that, otherwise as the processes that they are. This list is what may be asked for by name.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentState, ServiceState } from '@mainstay/contract/agent-api';
import { type DiagnosedUnit, diagnosisLimits, type UnitState } from '@mainstay/contract/diagnosis';
import { haproxy_unit } from '../proxy/haproxy/unit.ts';
import type { LiveInstance } from '../reconciler/instances.ts';
import { listProcesses, readMemoryBytes, readProcess, uptimeTicks } from '../supervisor/proc.ts';
import { hasSystemd, unitName } from '../supervisor/systemd/units.ts';
import type { LogPlace } from './logs.ts';
import type { DiagnosisNeeds } from './needs.ts';
import { unitOf } from './process-unit.ts';
import { lastEnds, type ShownUnit, showUnits, type UnitExit } from './systemd-units.ts';

/** What is known of one before anybody is asked. */
type Known = {
  name: string;
  unit: string | null;
  service: string | null;
  pid: number | null;
  instance: string | null;
  place: LogPlace;
  /** As the agent itself sees it; what systemd says of a unit comes before. */
  state: UnitState;
  sub_state: string | null;
  since: number | null;
  restarts: number | null;
  last_exit: UnitExit | null;
};

export type KnownUnits = { list: readonly Known[]; placeOf(name: string): LogPlace | null };

/** Names and places of the units; asks no other program. */
export function knownUnits(needs: DiagnosisNeeds, state: AgentState): KnownUnits {
  const agent = agentUnit(needs, state);
  const inUnit = (pid: number | null) => {
    const unit = pid === null ? null : unitOf(pid);
    // What the agent started itself lives in its unit, and is none of its own.
    return unit === agent.unit || unit === null || !unit.endsWith('.service') ? null : unit;
  };
  const list = [
    agent,
    proxyUnit(needs, state, inUnit),
    ...(state.tunnel ? [tunnelUnit(needs, state.tunnel)] : []),
    ...Object.keys(state.services).flatMap((service) => serviceUnits(needs, state, service)),
  ].slice(0, diagnosisLimits.units_max);
  return { list, placeOf: (name) => list.find((one) => one.name === name)?.place ?? null };
}

function agentUnit(needs: DiagnosisNeeds, state: AgentState): Known {
  const own = unitOf(process.pid);
  const unit = own?.endsWith('.service') && hasSystemd() ? own : null;
  const remembered = needs.recent;
  const place: LogPlace =
    unit === null
      ? { kind: 'memory', source: 'memory of the agent, since it started', lines: () => remembered?.list() ?? [] }
      : { kind: 'journal', pattern: unit };
  return {
    ...{ name: 'agent', unit, service: null, pid: process.pid, instance: null, place },
    ...{ state: 'active', sub_state: needs.isConnected() ? 'connected' : 'not connected' },
    ...{ since: state.started_at, restarts: null, last_exit: null },
  };
}

function proxyUnit(needs: DiagnosisNeeds, state: AgentState, inUnit: (pid: number | null) => string | null): Known {
  const { pid, state: seen } = state.proxy;
  const by_haproxy = state.facts.proxy === 'haproxy';
  const is_unit = by_haproxy && hasSystemd() && existsSync(`/etc/systemd/system/${haproxy_unit}`);
  const unit = by_haproxy ? (inUnit(pid) ?? (is_unit && pid === null ? haproxy_unit : null)) : null;
  const folder = join(needs.home, by_haproxy ? 'haproxy' : 'proxy');
  return {
    ...{ name: 'proxy', unit, service: null, pid, instance: null },
    place: unit === null ? { kind: 'file', path: join(folder, 'proxy.log') } : { kind: 'journal', pattern: unit },
    state: seen === 'none' ? 'inactive' : seen === 'running' ? 'active' : 'failed',
    sub_state: seen === 'none' ? 'nothing to serve' : seen,
    ...{ since: sinceOf(pid), restarts: null, last_exit: null },
  };
}

function tunnelUnit(needs: DiagnosisNeeds, tunnel: NonNullable<AgentState['tunnel']>): Known {
  const handle = needs.tunnel();
  return {
    ...{ name: 'tunnel', unit: handle?.unit ?? null, service: null },
    ...{ pid: handle?.pid ?? null, instance: handle?.id ?? null },
    place: placeOfInstances(needs, 'mainstay-tunnel', handle ? [handle.id] : [], null),
    state: handle === null ? 'failed' : tunnel.state === 'connecting' ? 'activating' : 'active',
    sub_state: tunnel.state,
    ...{ since: tunnel.since, restarts: null, last_exit: null },
  };
}

const stateOf: Record<ServiceState, UnitState> = {
  pending: 'inactive',
  building: 'activating',
  starting: 'activating',
  running: 'active',
  unhealthy: 'active',
  crash_looping: 'failed',
  failed: 'failed',
  stopped: 'inactive',
};

/** The instance that serves, under the name of the service, and those beside it: candidates, and what drains. */
function serviceUnits(needs: DiagnosisNeeds, state: AgentState, service: string): Known[] {
  const observed = state.services[service]!;
  const running = needs.instances().filter((one) => one.service === service && one.exit === null);
  // Right after a switch it serves, and is not looked after yet.
  const serving =
    running.find(({ pid }) => pid === observed.pid) ??
    running.find(({ release_id }) => release_id === observed.release_id) ??
    null;
  const others = running.filter((one) => one !== serving);
  const last_exit = needs.lastExit(service);
  const describe = (instance: LiveInstance | null): Known => ({
    name: instance === serving ? `service/${service}` : `service/${service}/${instance!.id.slice(-6)}`,
    unit: instance !== null && needs.supervisor.kind === 'systemd' ? unitName(service, instance.id) : null,
    service,
    pid: instance?.pid ?? null,
    instance: instance?.id ?? null,
    place:
      instance === serving
        ? placeOfInstances(
            needs,
            service,
            running.map(({ id }) => id),
            last_exit,
          )
        : placeOfInstances(needs, service, [instance!.id], null),
    state: instance === serving ? stateOf[observed.state] : 'active',
    sub_state: instance === serving ? observed.state : 'beside what serves',
    since: instance?.started_at ?? observed.since,
    restarts: instance === serving ? observed.restarts : null,
    last_exit: instance === serving ? last_exit && exitOf(last_exit) : null,
  });
  return [describe(serving), ...others.map(describe)];
}

function placeOfInstances(
  { supervisor }: DiagnosisNeeds,
  service: string,
  ids: readonly string[],
  ended: ReturnType<DiagnosisNeeds['lastExit']>,
): LogPlace {
  // The journal has what instances printed that ended long ago; no name of a service has an underscore.
  if (supervisor.kind === 'systemd') return { kind: 'journal', pattern: `mainstay-${service}-ins_*.service` };
  const lines = () => [...(ended?.last_lines ?? []), ...ids.flatMap((id) => supervisor.lastLines(id))];
  return { kind: 'memory', source: 'the newest lines; all of them are in the logs of the service', lines };
}

const exitOf = ({ code, signal, reason, at }: UnitExit): UnitExit => ({ code, signal, reason, at });

/** How the units are, as systemd and the kernel say it now. */
export async function unitStates(
  { list }: KnownUnits,
  { supervisor, exec }: DiagnosisNeeds,
  signal: AbortSignal,
): Promise<DiagnosedUnit[]> {
  const names = list.flatMap(({ unit }) => unit ?? []);
  const [shown, ends] = hasSystemd()
    ? await Promise.all([showUnits(names, exec, signal), lastEnds(exec, signal)])
    : [[], new Map<string, UnitExit>()];
  const byName = new Map(shown.map((one) => [one.unit, one]));
  return Promise.all(
    list.map(async ({ place: _, instance, ...known }) => {
      const by_systemd = known.unit === null ? null : (byName.get(known.unit) ?? null);
      const usage = instance === null ? null : await supervisor.usage(instance);
      return {
        ...known,
        state: by_systemd?.state ?? known.state,
        sub_state: known.service === null && by_systemd ? by_systemd.sub_state : known.sub_state,
        pid: known.pid ?? by_systemd?.pid ?? null,
        since: by_systemd?.since ?? known.since,
        restarts: known.restarts ?? by_systemd?.restarts ?? null,
        memory_bytes: by_systemd?.memory_bytes ?? usage?.memory_bytes ?? memoryOf(known.pid, known.name === 'proxy'),
        last_exit: newest([known.last_exit, by_systemd?.last_exit, endOf(known, ends)]),
      };
    }),
  );
}

/** Of a service, the last end of any of its instances: each is a unit of its own. */
function endOf({ unit, service, name }: Pick<Known, 'unit' | 'service' | 'name'>, ends: ReadonlyMap<string, UnitExit>) {
  if (service === null || name !== `service/${service}`) return unit === null ? null : (ends.get(unit) ?? null);
  return newest([...ends].filter(([of]) => of.startsWith(`mainstay-${service}-ins_`)).map(([, end]) => end));
}

function newest(exits: readonly (ShownUnit['last_exit'] | undefined)[]): UnitExit | null {
  return exits.reduce<UnitExit | null>((last, one) => (one && (last === null || one.at > last.at) ? one : last), null);
}

function sinceOf(pid: number | null): number | null {
  const row = pid === null ? null : readProcess(pid);
  return row && Math.round(Date.now() - (uptimeTicks() - row.start_ticks) * 10);
}

/** A proxy may be a master with workers. */
function memoryOf(pid: number | null, with_children: boolean): number | null {
  const row = pid === null ? null : readProcess(pid);
  if (!row) return null;
  const children = with_children ? listProcesses().filter(({ parent }) => parent === pid) : [];
  return [row, ...children].reduce((sum, one) => sum + readMemoryBytes(one), 0);
}
