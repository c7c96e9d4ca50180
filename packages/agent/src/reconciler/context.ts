/** What the parts of the reconciler share: the ports, the durable state, and who is told. */
import type { DeployStage } from '@mainstay/contract/agent-api';
import type { LastLine } from '@mainstay/contract/crash-report';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import type { Names } from '../dns/names.ts';
import type { UnitGuard } from '../drift/unit-guard.ts';
import type { OwnUnit } from '../installation/own-unit.ts';
import type { FetchedSecrets } from '../link/link.ts';
import type { Problems } from '../problems.ts';
import type { Proxy as ProxyPort } from '../proxy/proxy.ts';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { State } from '../state/state.ts';
import type { Builder, Supervisor } from '../supervisor/supervisor.ts';
import type { Workspace } from '../workspace/workspace.ts';

export type Settings = {
  /** Ports that services are given; the last tenth is for the proxy's internal listeners. */
  ports: { first: number; last: number };
  /** Between two rounds of healing, milliseconds. */
  heal_interval_ms: number;
  /** Between two looks for what others changed, milliseconds. */
  drift_interval_ms: number;
  builds_at_once: number;
  starts_at_once: number;
  /** How long requests may be held while a fixed port changes hands, before what is open is cut, milliseconds. */
  hold_drain_ms_max: number;
  /** How long secrets are asked for before a deployment fails for want of them, milliseconds. */
  secrets_wait_ms: number;
  /**
   * Port of the internal proxy on this server, 80 where the agent may have it, so that names need no port. Null, and where the
   * stack needs it for something else or another program has it: the one that the stack says.
   */
  internal_port: number | null;
};

export const defaultSettings: Settings = {
  ports: { first: 20_000, last: 29_999 },
  heal_interval_ms: 1_500,
  drift_interval_ms: 10_000,
  builds_at_once: 2,
  starts_at_once: 8,
  hold_drain_ms_max: 5_000,
  secrets_wait_ms: 60_000,
  internal_port: null,
};

export type Context = {
  clock: Clock;
  log: Logger;
  state: State;
  supervisor: Supervisor;
  builder: Builder;
  workspace: Workspace;
  proxy: ProxyPort;
  names: Names;
  own_unit: OwnUnit;
  unit_guard: UnitGuard;
  problems: Problems;
  settings: Settings;
  emit(event: NewAgentEvent): void;
  /** What the control plane should hear of at once has changed. */
  changed(): void;
  /** Whether the security mode lets the proxy listen to the outside; it does where nobody says. Set when the server's parts are made. */
  bindsPublicly?: () => boolean;
  fetchSecrets(commitments: string[], signal: AbortSignal): Promise<FetchedSecrets>;
};

/** A deployment cannot go on: why, and what to do about it. `service` is null when it concerns no single one. */
export class DeployFailure extends Error {
  readonly service: string | null;
  readonly stage: DeployStage;
  readonly hint: string | null;
  /** What the candidate printed last. */
  readonly last_lines: readonly LastLine[];

  constructor(
    service: string | null,
    stage: DeployStage,
    message: string,
    hint: string | null = null,
    last_lines: readonly LastLine[] = [],
  ) {
    super(message.slice(0, 4_000));
    this.name = 'DeployFailure';
    this.service = service;
    this.stage = stage;
    this.hint = hint === null ? null : hint.slice(0, 1_000);
    this.last_lines = last_lines;
  }
}

/** A newer desired state came, or the agent ends: nothing is wrong, and nothing of it is to stay. */
export class Superseded extends Error {
  /** Null when the agent ends. */
  readonly by_version: number | null;

  constructor(by_version: number | null) {
    super(by_version === null ? 'The agent is stopping.' : `Superseded by version ${by_version}.`);
    this.name = 'Superseded';
    this.by_version = by_version;
  }
}
