/** The adapters behind the agent's ports: child processes or systemd, git, and the embedded proxy, unless others are given. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { fileURLToPath } from 'node:url';
import { AppError } from '@mainstay/contract/errors';
import type { Logger } from '@mainstay/runtime/log';
import type { Names } from './dns/names.ts';
import { createNoNames } from './dns/none.ts';
import { serverNames } from './dns/server-names.ts';
import { createUnitGuard, type UnitGuard } from './drift/unit-guard.ts';
import { places } from './installation/agent-file.ts';
import { createOwnUnit, type OwnUnit } from './installation/own-unit.ts';
import { createEmbeddedProxy } from './proxy/embedded-proxy.ts';
import { createHaproxyProxy } from './proxy/haproxy/haproxy-proxy.ts';
import { createUnitProcess, haproxy_unit } from './proxy/haproxy/unit.ts';
import type { Proxy as ProxyPort } from './proxy/proxy.ts';
import { createProcessBuilder } from './supervisor/process-builder.ts';
import { agentMark } from './supervisor/process-group.ts';
import { createProcessSupervisor } from './supervisor/process-supervisor.ts';
import type { Builder, LogSink, Supervisor } from './supervisor/supervisor.ts';
import { createSystemdBuilder } from './supervisor/systemd/systemd-builder.ts';
import { createSystemdSupervisor } from './supervisor/systemd/systemd-supervisor.ts';
import { writtenUnits } from './supervisor/systemd/unit-files.ts';
import { hasSystemd, serviceOfUnit } from './supervisor/systemd/units.ts';
import { createGitWorkspace } from './workspace/git-workspace.ts';
import type { Workspace } from './workspace/workspace.ts';

export type Adapters = {
  supervisor: Supervisor;
  builder: Builder;
  workspace: Workspace;
  proxy: ProxyPort;
  names: Names;
  /** The agent's own unit. */
  own_unit: OwnUnit;
  /** Its units as they were written, and what others put beside them. */
  unit_guard: UnitGuard;
};

export type AdapterNeeds = {
  home: string;
  sink: LogSink;
  log: Logger;
  /** Makes services known by name to the programs of this server, as root can; changes nothing outside of the home when false. */
  names: boolean;
  /** What runs services and builds. By systemd they have users, sandboxes and limits of their own, which needs root. */
  supervisor: Supervisor['kind'];
  proxy: ProxyKind;
};

/** What serves: a proxy of Mainstay's own, or Debian's HAProxy, which is a unit where the agent is root and systemd runs. */
export type ProxyKind = 'embedded' | 'haproxy';

export function embeddedAdapters({ home, sink, log, names, supervisor, proxy }: AdapterNeeds): Adapters {
  const by_systemd = supervisor === 'systemd';
  if (by_systemd) checkSystemd();
  return {
    supervisor: (by_systemd ? createSystemdSupervisor : createProcessSupervisor)({ home, sink, log }),
    builder: (by_systemd ? createSystemdBuilder : createProcessBuilder)({ home, sink, log }),
    workspace: createGitWorkspace({ home, log }),
    proxy: proxyOf(proxy, home, log),
    names: names ? serverNames(log) : createNoNames(),
    own_unit: isSea() ? createOwnUnit() : { repair: async () => [] },
    unit_guard: commandsSystemd() ? unitGuardOf(home, { by_systemd, proxy }) : { repair: async () => [] },
  };
}

/** Only what this agent made: another on the same machine, such as one under development, has units of its own. */
function unitGuardOf(home: string, { by_systemd, proxy }: { by_systemd: boolean; proxy: ProxyKind }): UnitGuard {
  const fixed = (name: string) => ({ name, file: null, service: null });
  const mark = agentMark(home);
  return createUnitGuard({
    units: () => [
      ...(isSea() && existsSync(places.unit_file) ? [fixed(places.unit)] : []),
      ...(proxy === 'haproxy' ? [fixed(haproxy_unit)] : []),
      ...(by_systemd ? writtenUnits(mark) : []).map(({ unit, path, text }) => ({
        name: unit,
        file: { path, text },
        service: serviceOfUnit(unit),
      })),
    ],
  });
}

/** The one proxy; one of the other kind that an earlier agent left running makes way for it. */
function proxyOf(kind: ProxyKind, home: string, log: Logger): ProxyPort {
  const embedded = createEmbeddedProxy({ home: join(home, 'proxy'), log, ...proxyProgram() });
  const haproxy_home = join(home, 'haproxy');
  if (kind === 'embedded' && !existsSync(haproxy_home)) return embedded;
  const by_unit = commandsSystemd() ? { process: createUnitProcess() } : {};
  const haproxy = createHaproxyProxy({ home: haproxy_home, log, ...by_unit });
  const [next, other] = kind === 'haproxy' ? [haproxy, embedded] : [embedded, haproxy];
  let is_alone = false;
  return {
    ...next,
    async ensure() {
      if (!is_alone) await other.stop(other_proxy_stop_ms);
      is_alone = true;
      return next.ensure();
    },
  };
}

const other_proxy_stop_ms = 3_000;
const commandsSystemd = () => process.getuid?.() === 0 && hasSystemd();

function checkSystemd(): void {
  if (commandsSystemd()) return;
  throw new AppError('InvalidInput', '--supervisor systemd needs root, on a machine that systemd runs.', {
    field: 'supervisor',
    hint: 'Start the agent with --supervisor process: services are its child processes then, without limits by the kernel.',
  });
}

/** In a distribution the proxy's program lies beside the agent's; in the source it is where the adapter looks by itself. */
function proxyProgram(): { entry_path?: string; command?: readonly string[] } {
  // One executable holds both. The flags that keep the agent small would make the proxy slow.
  if (isSea())
    return { command: ['--node-options=--max-semi-space-size=4 --no-lite-mode --no-optimize-for-size', 'proxy'] };
  const bundled = fileURLToPath(new URL('./mainstay-proxy.js', import.meta.url));
  return existsSync(bundled) ? { entry_path: bundled } : {};
}
