/**
 * How this server is now, for people who ask from afar (ADR 0031). Everything is looked at side by side, each by itself: what fails or takes too
 * long is told in `notes` and is in nobody's way. It reads only, runs only the commands that stand in this folder, and is loaded when it is
 * first asked, as an agent that nobody asks is to stay small.
 */
import type { Inquiry } from '@mainstay/contract/agent-answers';
import { type DiagnosedUnit, diagnosisLimits, type ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { AppError } from '@mainstay/contract/errors';
import { readEnvironment, readProcess } from '../supervisor/proc.ts';
import { mark_names } from '../supervisor/process-group.ts';
import { hasSystemd } from '../supervisor/systemd/units.ts';
import { runChecks } from './checks.ts';
import { readLog } from './logs.ts';
import { isClockSynchronized, readDisks, readMemory } from './machine.ts';
import { createMask } from './mask.ts';
import type { DiagnosisNeeds } from './needs.ts';
import { listeningPorts, type PortOwner } from './ports.ts';
import { unitOf } from './process-unit.ts';
import { failedUnits } from './systemd-units.ts';
import { type KnownUnits, knownUnits, unitStates } from './units.ts';

const ancestors_max = 16;

/** Looks, within 8 s and 256 KiB. Throws AppError `NotFound` for a unit that is none of the agent's own list. */
export async function diagnose(
  needs: DiagnosisNeeds,
  { unit, lines }: Pick<Inquiry, 'unit' | 'lines'>,
  offset_ms: number | null,
): Promise<ServerDiagnosis> {
  const at = Date.now();
  const { exec } = needs;
  const state = await needs.observe();
  const known = knownUnits(needs, state);
  const wanted = unit === null || unit === 'agent' ? ['agent'] : ['agent', unit];
  const places = wanted.map((name) => ({ name, place: known.placeOf(name) ?? noSuchUnit(name, known) }));

  const notes: string[] = [];
  const late = new AbortController();
  const deadline = setTimeout(() => late.abort(), diagnosisLimits.look_ms_max);
  const { signal } = late;
  const mask = createMask(needs.secrets());
  /** What it gives, or else `instead`, with a note why. */
  const look = async <T>(what: string, instead: T, from: () => Promise<T>): Promise<T> => {
    const given_up = Promise.withResolvers<never>();
    const giveUp = () => given_up.reject(new Error('it took too long'));
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([from(), given_up.promise]);
    } catch (error) {
      notes.push(`${what} could not be looked at: ${mask((error as Error).message)}`.slice(0, 500));
      return instead;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  };

  try {
    const [units, failed_units, found, disks, synchronized, checks, ...logs] = await Promise.all([
      look('Units', [] as DiagnosedUnit[], () => unitStates(known, needs, signal)),
      look('Failed units', null, async () => (hasSystemd() ? failedUnits(exec, signal) : null)),
      look('Ports', { ports: [], note: null }, () => listeningPorts(ownersFor(known, needs))),
      look('Disks', [], readDisks),
      look('NTP', null, async () => (hasSystemd() ? isClockSynchronized(exec, signal) : null)),
      look('Checks', [], () => runChecks(needs, state)),
      ...places.map(({ name, place }) =>
        look(`The log of ${name}`, null, () => readLog({ name, place, lines, mask, exec, signal })),
      ),
    ]);
    if (found.note) notes.push(found.note);
    if (failed_units && failed_units.length > diagnosisLimits.failed_units_max)
      notes.push(`${failed_units.length} units failed; the first of them are shown.`);
    return withinBound({
      at,
      took_ms: Math.max(0, Date.now() - at),
      agent_version: state.agent_version,
      supervisor: state.facts.supervisor,
      proxy: state.facts.proxy,
      units,
      failed_units: failed_units?.slice(0, diagnosisLimits.failed_units_max) ?? null,
      ports: found.ports,
      memory: readMemory(),
      disks,
      clock: { offset_ms, synchronized },
      checks: checks.map(({ message, fix, ...check }) => ({
        ...check,
        message: mask(message).slice(0, 1_000),
        fix: fix?.slice(0, 1_000) ?? null,
      })),
      logs: logs.filter((log) => log !== null),
      notes: notes.slice(0, 20),
    });
  } finally {
    clearTimeout(deadline);
    // What still runs of it is ended.
    late.abort();
  }
}

function noSuchUnit(name: string, known: KnownUnits): never {
  const names = known.list.map((one) => one.name);
  throw new AppError('NotFound', `This server has no unit "${name.slice(0, 128)}" of Mainstay's.`, {
    field: 'unit',
    hint: `It has: ${names.slice(0, 30).join(', ')}${names.length > 30 ? ` and ${names.length - 30} more` : ''}`,
  });
}

/** Whose a process is: by its unit, by the mark that instances carry, or by what started it. */
function ownersFor(known: KnownUnits, needs: DiagnosisNeeds): (pid: number) => PortOwner {
  const byUnit = new Map(known.list.flatMap(({ unit, name }) => (unit === null ? [] : [[unit, name] as const])));
  const byPid = new Map(known.list.flatMap(({ pid, name }) => (pid === null ? [] : [[pid, name] as const])));
  const byInstance = new Map(known.list.flatMap(({ instance, name }) => (instance === null ? [] : [[instance, name]])));
  const agent_unit = known.list.find(({ name }) => name === 'agent')?.unit ?? null;
  return (pid) => {
    const unit = unitOf(pid);
    const of_unit = unit === null || unit === agent_unit ? undefined : byUnit.get(unit);
    if (of_unit !== undefined) return { unit: of_unit, own: true };
    const instance = needs.supervisor.kind === 'process' ? readEnvironment(pid)?.get(mark_names.instance) : undefined;
    const marked = instance === undefined ? undefined : byInstance.get(instance);
    if (marked !== undefined) return { unit: marked, own: true };
    for (let id = pid, steps = 0; id > 1 && steps < ancestors_max; steps += 1) {
      const name = byPid.get(id);
      if (name !== undefined) return { unit: name, own: true };
      id = readProcess(id)?.parent ?? 0;
    }
    return { unit, own: false };
  };
}

/** Should it all be too much, the oldest lines make way. */
function withinBound(diagnosis: ServerDiagnosis): ServerDiagnosis {
  while (Buffer.byteLength(JSON.stringify(diagnosis)) > diagnosisLimits.answer_bytes_max) {
    const longest = diagnosis.logs.toSorted((a, b) => b.lines.length - a.lines.length)[0];
    if (!longest || longest.lines.length === 0) {
      diagnosis.ports.length = Math.floor(diagnosis.ports.length / 2);
      diagnosis.units.length = Math.floor(diagnosis.units.length / 2);
      continue;
    }
    longest.lines.splice(0, Math.ceil(longest.lines.length / 4));
    longest.cut = true;
  }
  return diagnosis;
}

/** Values that must not leave the server, of the documents that it has: secrets of services, Git credentials, the token of the tunnel. */
export function secretsOf(
  documents: readonly (Parameters<typeof commitmentsOf>[0] | null)[],
  tunnel: string | null,
  secretBehind: (commitment: string) => string | null,
): string[] {
  const commitments = new Set(documents.flatMap((document) => (document ? commitmentsOf(document) : [])));
  if (tunnel !== null) commitments.add(tunnel);
  return [...commitments].map(secretBehind).filter((value) => value !== null);
}

type Document = {
  services: Record<string, { secrets: Record<string, string>; source: { credential: { commitment: string } | null } }>;
};

function commitmentsOf({ services }: Document): string[] {
  return Object.values(services).flatMap(({ secrets, source }) => [
    ...Object.values(secrets),
    ...(source.credential ? [source.credential.commitment] : []),
  ]);
}
