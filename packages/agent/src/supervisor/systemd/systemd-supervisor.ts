/**
 * The supervisor for servers: each instance is a unit with its service's own user, a sandbox and limits that the kernel
 * holds. systemd starts and ends processes and nothing else: it restarts nothing and enables nothing, so that failures are
 * counted in one place, the agent, and a server that was rebooted runs what the agent's journal says (ADR 0024).
 * The end of an instance is noticed as that of an adopted child process is, and then told by systemd.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime/clock';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { type Logger, silentLogger } from '@mainstay/runtime/log';
import { sharedClock } from '../../shared-wakes.ts';
import { argvOf, checkCommand } from '../command.ts';
import { createInstance, type Instance, type Output, withinOutputWait } from '../instance.ts';
import { isAlive, readBootId, readListeningPorts, readProcess } from '../proc.ts';
import { agentMark, createProcessTable, markEnvironment } from '../process-group.ts';
import { createStartGuard } from '../start-guard.ts';
import type { InstanceExit, InstanceHandle, InstanceSpec, LogSink, Supervisor } from '../supervisor.ts';
import { sweepStrays } from '../sweep.ts';
import { startWatch } from '../watch.ts';
import { setupFailure } from './exit-codes.ts';
import { createJournal } from './journal.ts';
import { priorities } from './journal-entry.ts';
import { createJournalSource, type JournalSource } from './journal-source.ts';
import { checkHome, instanceSettings, service_path } from './sandbox.ts';
import { sweepUnits } from './sweep-units.ts';
import { createEnvironmentFiles, describeUnit, removeUnit, writeUnit } from './unit-files.ts';
import { checkoutOf, giveFolder, openCheckout } from './unit-folders.ts';
import { createUnitGroup, type UnitGroup } from './unit-group.ts';
import { createUnits, signalName, unitName } from './units.ts';
import { ensureUser, findUser, userName } from './users.ts';

export type SystemdSupervisorOptions = {
  /** The agent's home; must exist, and its path must have no character that unit files give a meaning. */
  home: string;
  sink: LogSink;
  clock?: Clock;
  exec?: Exec;
  log?: Logger;
};

type Held = { instance: Instance; group: UnitGroup; unit: string };

export function createSystemdSupervisor(options: SystemdSupervisorOptions): Supervisor {
  const { home, sink, clock = sharedClock, exec = systemExec, log = silentLogger() } = options;
  checkHome(home);
  const boot_id = readBootId();
  const agent = agentMark(home);
  const units = createUnits(exec);
  const journal = createJournal({ exec, clock, log });
  const environments = createEnvironmentFiles(agent);
  const table = createProcessTable();
  const held = new Map<string, Held>();
  const listeners = new Set<(exit: InstanceExit) => void>();
  const instances = () => [...held.values()].map(({ instance }) => instance);
  const watch = startWatch({ instances, table: null, clock, log });
  let detached = false;

  const sourceOf = (spec: InstanceSpec, uid: number) => createJournalSource({ spec, uid, sink, clock, log });

  async function clearAway(unit: string, id: string): Promise<void> {
    await units.discard(unit);
    removeUnit(unit);
    environments.remove(id);
  }

  function hold(spec: InstanceSpec, handle: InstanceHandle, unit: string, source: JournalSource): void {
    const group = createUnitGroup(unit, units, clock);
    const output: Output = {
      tails: [],
      lastLines: source.lastLines,
      finish: () =>
        withinOutputWait(
          journal.finish(source).then(() => {}),
          clock,
        ),
      close: async () => source.close(),
    };
    const instance = createInstance({
      spec,
      handle,
      adopted: true,
      group,
      output,
      clock,
      log,
      async outcome() {
        const outcome = await outcomeOf(unit);
        await clearAway(unit, spec.id);
        return outcome;
      },
      ended: (exit) => {
        held.delete(spec.id);
        if (!detached) for (const listener of listeners) listener(exit);
      },
    });
    held.set(spec.id, { instance, group, unit });
    watch.wake();
  }

  /** How the first process ended; systemd may be a moment behind the kernel. */
  async function outcomeOf(unit: string): Promise<Pick<InstanceExit, 'code' | 'signal' | 'reason'>> {
    const until = clock.now() + 10_000;
    for (let wait_ms = 10; ; wait_ms = Math.min(wait_ms * 2, 500)) {
      const { code, status, result } = await units.show(unit);
      const signal = code > 1 ? signalName(status) : null;
      const reason = result === 'oom-kill' ? ('memory_limit' as const) : null;
      if (code > 0) return { code: code === 1 ? status : null, signal, reason };
      if (clock.now() >= until) return { code: null, signal: null, reason };
      await clock.sleep(wait_ms);
    }
  }

  async function launch(spec: InstanceSpec): Promise<InstanceHandle> {
    const data = join(home, 'data', spec.service);
    const has_data = existsSync(data);
    const env = {
      PATH: service_path,
      HOME: has_data ? data : '/',
      LANG: 'C.UTF-8',
      ...spec.env,
      ...markEnvironment({ agent, id: spec.id, kind: 'instance' }),
    };
    checkCommand('run', spec.command, spec.directory, env.PATH);
    const user = await ensureUser(exec, spec.service, 'service');
    const checkout = checkoutOf(home, spec.directory);
    if (checkout !== null) await openCheckout(exec, checkout);
    if (has_data) await giveFolder(exec, data, user.uid);
    const unit = unitName(spec.service, spec.id);
    const confinement = { home, user: user.name, env_file: environments.path(spec.id), env, checkout };
    const argv = journalledCommand(spec, env);
    const source = sourceOf(spec, user.uid);
    environments.write(spec.id, env);
    const what = `service ${spec.service}, release ${spec.release_id}`;
    writeUnit(
      unit,
      describeUnit(what, agent),
      instanceSettings(spec, { ...confinement, data: has_data ? data : null }, argv),
    );
    await journal.follow(source, false);
    const started = await units.start(unit);
    environments.remove(spec.id);
    const { main_pid, code, status } = await units.show(unit);
    // From 200 on systemd tells what it could not set up (systemd.exec(5), "PROCESS EXIT CODES").
    if (main_pid === 0 || (started.code !== 0 && code === 1 && status >= 200)) {
      await clearAway(unit, spec.id);
      await journal.finish(source);
      const setup = code === 1 ? setupFailure(status, unit) : null;
      const told = (started.error?.message ?? started.stderr).trim().slice(0, 500);
      const why = setup ? `${setup.what} (${setup.step}).` : told;
      throw new AppError('Unavailable', `Service "${spec.service}" could not be started: ${why}`, {
        hint: setup?.hint ?? `The journal of the server says more: journalctl -u ${unit}`,
      });
    }
    const start_ticks = readProcess(main_pid)?.start_ticks ?? 0;
    const handle = { id: spec.id, pid: main_pid, start_ticks, boot_id, unit };
    hold(spec, handle, unit, source);
    return handle;
  }

  const guard = createStartGuard((id) => held.has(id), launch);
  return {
    kind: 'systemd',
    start: guard.start,
    async recover(handle, spec) {
      const present = held.get(spec.id)?.instance;
      if (present) return present.running() ? present.handle : null;
      const unit = handle.unit ?? unitName(spec.service, spec.id);
      const source = sourceOf(spec, findUser(userName(spec.service, 'service')) ?? -1);
      const is_same = handle.boot_id === boot_id && isAlive(handle.pid, handle.start_ticks);
      if (is_same && (await units.show(unit)).main_pid === handle.pid) {
        await journal.follow(source, true);
        hold(spec, handle, unit, source);
        return handle;
      }
      await createUnitGroup(unit, units, clock).terminate(Math.min(spec.stop_timeout_seconds, 5) * 1000);
      await clearAway(unit, spec.id);
      await withinOutputWait(
        journal.finish(source).then(() => {}),
        clock,
      );
      return null;
    },
    async stop(id) {
      await held.get(id)?.instance.stop();
    },
    isRunning: (id) => held.get(id)?.instance.running() ?? false,
    async usage(id) {
      const present = held.get(id);
      return present?.instance.running() ? present.group.usage() : null;
    },
    lastLines: (id) => held.get(id)?.instance.lastLines() ?? [],
    listeningPorts: async (id) =>
      readListeningPorts(
        held
          .get(id)
          ?.group.members()
          .map((row) => row.pid) ?? [],
      ),
    onExit: (listener) => void listeners.add(listener),
    async sweep(known_ids) {
      const unknown = [...held.values()].filter(({ instance }) => !known_ids.has(instance.spec.id));
      await Promise.all(unknown.map(({ instance }) => instance.stop()));
      const keep = new Set([...known_ids, ...held.keys(), ...guard.starting]);
      const ended = await sweepUnits({ agent, keep, units, clock });
      environments.keep(keep);
      // An agent of this home that supervised child processes may have left some.
      const processes = await sweepStrays({ table, clock, agent, keep });
      return [...new Set([...unknown.map(({ instance }) => instance.spec.id), ...ended, ...processes])];
    },
    async detach() {
      detached = true;
      await watch.stop();
      await journal.close();
      held.clear();
    },
  };
}

/**
 * The command with its two streams told apart in the journal. systemd-cat becomes the command, and adds a variable of its own,
 * which is taken away. `env` takes a word with = for a variable, so a program of such a name is run through another.
 */
function journalledCommand(spec: InstanceSpec, env: Readonly<Record<string, string>>): string[] {
  const argv = argvOf(spec.command);
  const cat = ['/usr/bin/systemd-cat', `--identifier=${spec.id}`, `--priority=${priorities.stdout}`];
  return [
    ...cat,
    ...[`--stderr-priority=${priorities.stderr}`, '--level-prefix=false', '--', '/usr/bin/env'],
    ...('JOURNAL_STREAM' in env ? [] : ['--unset=JOURNAL_STREAM']),
    ...(argv[0].includes('=') ? ['nice', '-n', '0'] : []),
    ...argv,
  ];
}
