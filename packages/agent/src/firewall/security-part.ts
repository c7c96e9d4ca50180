/**
 * The security mode of a server, as a part of its server state. The effective mode is the stricter one of the server's and its stack's.
 * ```
 *   off ─▶ confirming ─▶ in_force ⇄ drifted          confirming: 45 s at most, then it goes back by itself
 *            └▶ reverted | failed
 * ```
 * A change is kept only after a heartbeat went over a fresh connection and the control plane acknowledged it.
 */
import type { SecurityObserved, SecuritySettings } from '@mainstay/contract/server-state';
import type { SecurityMode } from '@mainstay/contract/stack';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import { ServerFailure, type ServerPart } from '../server/server-part.ts';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { Firewall } from './firewall.ts';
import { areSameRules, type FirewallRules, rulesFor, type ServerFacts, stricterMode } from './rules.ts';
import { socketCounts } from './socket-counts.ts';
import { isLoopback, type TcpSocket } from './sockets.ts';
import { outsideOf, sshPeers } from './ssh.ts';
import type { OpenConnection } from './table-text.ts';

export type SecurityOptions = {
  firewall: Firewall;
  /** What is so on this server now; `ssh_ports` are empty while no SSH server listens. */
  facts(sockets: readonly TcpSocket[]): Promise<ServerFacts>;
  sockets(): TcpSocket[];
  /** Changes when TCP sockets come or go; costs next to nothing. Of this server where left out. */
  socketCounts?(): string;
  /** The mode of the stack on this server; null where it has none. */
  stackMode(): SecurityMode | null;
  /** Sends a heartbeat over a fresh connection: whether the control plane acknowledged it. Never rejects. */
  reachable(signal: AbortSignal): Promise<boolean>;
  clock: Clock;
  log: Logger;
  emit(event: NewAgentEvent): void;
  changed(): void;
  /** How long the control plane may take to be reached again, milliseconds; less than the dead man waits. */
  reach_within_ms?: number;
};

export type SecurityPart = ServerPart & {
  observe(): SecurityObserved;
  /** The mode that is in force. */
  effectiveMode(): SecurityMode;
  /** Whether the proxy may listen to the outside: not in mode `tunnel`. */
  bindsPublicly(): boolean;
};

/** A change that was taken back is tried again by itself this much later, unless other rules are wanted meanwhile; milliseconds. */
const retry_ms = 300_000;
/** Where nothing is closed, SSH sessions are looked for so often, milliseconds: the kernel walks all of its sockets for it. */
const open_look_ms = 30_000;
/** While there are some, so often, milliseconds: what is over must not keep a mode from being set. */
const peers_look_ms = 10_000;
/** The same where their number is as it was, milliseconds: one session may have come for another that went. */
const same_look_ms = 300_000;
/** Connections from before that are let through; beyond that they have to be made anew. */
const connections_max = 8_192;

const exposures = { none: 'open', 'daemon-port': 'daemon-port', tunnel: 'none' } as const;

export function createSecurityPart(options: SecurityOptions): SecurityPart {
  const { firewall, clock, log, emit, changed, reachable, reach_within_ms = 25_000 } = options;
  let told: { state: SecurityObserved['state']; message: string | null } = {
    state: firewall.confirmed() ? 'in_force' : 'off',
    message: null,
  };
  let ssh_ports: readonly number[] = firewall.confirmed()?.ssh_ports ?? [];
  let ssh_peers: string[] = [];
  let looked = { counts: '', at: Number.NEGATIVE_INFINITY };
  let look_again_at = 0;
  let taken_back: { rules: FirewallRules; retry_at: number } | null = null;

  const tell = (state: SecurityObserved['state'], message: string | null = null) => {
    const is_new = told.state !== state || told.message !== message;
    told = { state, message: message?.slice(0, 1_000) ?? null };
    if (is_new) changed();
  };
  const restingState = () => (firewall.confirmed() ? 'in_force' : 'off');

  const lookAtSsh = (facts: ServerFacts, sockets: readonly TcpSocket[]) => {
    // While an SSH server is restarted, its port stays what it was.
    if (facts.ssh_ports.length > 0) ssh_ports = facts.ssh_ports;
    else if (ssh_ports.length === 0) ssh_ports = [22];
    const before = ssh_peers.join();
    ssh_peers = sshPeers(sockets, ssh_ports);
    if (ssh_peers.join() !== before) changed();
  };
  const effectiveMode = ({ mode }: SecuritySettings) => stricterMode(mode, options.stackMode() ?? 'none');
  const wantedRules = async (settings: SecuritySettings): Promise<FirewallRules | null> => {
    const sockets = options.sockets();
    const facts = await options.facts(sockets);
    lookAtSsh(facts, sockets);
    return rulesFor({ ...settings, mode: effectiveMode(settings) }, { ...facts, ssh_ports });
  };

  const refuseToCut = ({ ssh_from }: FirewallRules, { cut_ssh }: SecuritySettings) => {
    const cut = cut_ssh ? [] : outsideOf(ssh_from, ssh_peers);
    if (cut.length === 0) return;
    throw new ServerFailure(
      `This would cut SSH sessions that are open now, from ${cut.join(', ')}. Nothing was changed.`,
      `Keep SSH open for them by --ssh-from ${cut.map(asNetwork).join(' --ssh-from ')}, or allow that they are cut by --cut-ssh.`,
    );
  };
  /** Connections that programs of this server made; those that were made to it have an open port, or are to be closed. */
  const outgoing = (): OpenConnection[] => {
    const sockets = options.sockets();
    const listening = new Set(sockets.filter(({ state }) => state === 'listening').map(({ local_port }) => local_port));
    return sockets
      .filter(
        ({ state, local_port, remote }) => state === 'established' && !listening.has(local_port) && !isLoopback(remote),
      )
      .slice(0, connections_max);
  };
  const isReached = async (signal: AbortSignal): Promise<boolean> => {
    const until = clock.now() + reach_within_ms;
    while (clock.now() < until) {
      const limit = AbortSignal.timeout(Math.max(1, until - clock.now()));
      if (await reachable(AbortSignal.any([signal, limit]))) return true;
      signal.throwIfAborted();
      await clock.sleep(500, signal);
    }
    return false;
  };

  /** One change, from the checks to the confirmation. When the agent is ended meanwhile, the dead man takes it back. */
  const bringAbout = async (rules: FirewallRules | null, settings: SecuritySettings, signal: AbortSignal) => {
    if (rules === null) {
      await firewall.remove();
      tell('off');
      return emit({
        kind: 'security.changed',
        severity: 'notice',
        message: 'The security mode is none: all rules are gone.',
      });
    }
    refuseToCut(rules, settings);
    tell('confirming', 'The rules are kept once the control plane was reached through them.');
    try {
      await firewall.begin(rules, outgoing());
      if (!(await isReached(signal))) {
        throw new ServerFailure(
          `With these rules the control plane could not be reached within ${reach_within_ms / 1000} s; what was before is in force again.`,
          'See whether other rules on this server, such as notrack, keep answers from coming in: nft list ruleset',
        );
      }
      await firewall.confirm();
    } catch (error) {
      if (signal.aborted) throw error;
      taken_back = { rules, retry_at: clock.now() + retry_ms };
      await firewall.revert();
      const { message } = error as Error;
      tell('reverted', message);
      emit({
        kind: 'security.reverted',
        severity: 'error',
        message: `Mode ${rules.mode} was taken back: ${message}`.slice(0, 4_000),
      });
      throw error;
    }
    taken_back = null;
    tell('in_force');
    emit({ kind: 'security.changed', severity: 'notice', message: describe(rules) });
  };

  /** What another agent began and did not end goes back first. */
  const begin = async () => {
    if (firewall.isPending()) await firewall.revert();
  };

  const keepRules = async () => {
    const drift = await firewall.drift();
    if (drift === null) {
      if (told.state === 'drifted' || told.state === 'failed') tell(restingState());
      return;
    }
    tell('drifted', drift);
    await firewall.putBack();
    emit({
      kind: 'drift.repaired',
      severity: 'warning',
      message: `${drift} The rules of the security mode were put back.`,
    });
    tell('in_force', `Put back at ${new Date(clock.now()).toISOString()}: ${drift}`);
  };

  return {
    name: 'security',
    async apply({ security }, signal) {
      await begin();
      const rules = await wantedRules(security);
      if (areSameRules(rules, firewall.confirmed())) {
        await keepRules();
        return tell(restingState());
      }
      if (rules !== null && !(await reachable(signal))) {
        signal.throwIfAborted();
        throw new ServerFailure(
          'The control plane cannot be reached over a new connection, so that a change could not be confirmed. Nothing was changed.',
          'See by what: mainstay-agent doctor',
        );
      }
      await bringAbout(rules, security, signal);
    },

    async keepUp({ security }) {
      const never = new AbortController().signal;
      try {
        await begin();
        const is_open = effectiveMode(security) === 'none' && firewall.confirmed() === null;
        if (is_open && clock.now() < look_again_at) return;
        look_again_at = clock.now() + open_look_ms;
        const counts = (options.socketCounts ?? socketCounts)();
        const is_same = counts === looked.counts && clock.now() < looked.at + same_look_ms;
        if (is_open && is_same && ssh_peers.length === 0) return;
        looked = { counts, at: clock.now() };
        const rules = await wantedRules(security);
        if (ssh_peers.length > 0) look_again_at = clock.now() + peers_look_ms;
        if (areSameRules(rules, firewall.confirmed())) return await keepRules();
        if (taken_back && areSameRules(rules, taken_back.rules) && clock.now() < taken_back.retry_at) return;
        // Another mode of the stack, another port of the proxy, or what was chosen when the agent was installed.
        if (rules !== null && !(await reachable(never))) return;
        await bringAbout(rules, security, never);
      } catch (error) {
        const { message } = error as Error;
        looked.counts = '';
        log.warn({ reason: message }, 'the security mode could not be kept up');
        if (told.state !== 'reverted') tell('failed', message);
      }
    },

    observe() {
      const rules = firewall.confirmed();
      return {
        mode: rules?.mode ?? 'none',
        exposure: exposures[rules?.mode ?? 'none'],
        state: told.state,
        firewall: rules?.firewall ?? null,
        open_ports: [...(rules?.open_ports ?? [])].slice(0, 64),
        ssh_from: [...(rules?.ssh_from ?? [])],
        ssh_peers,
        message: told.message,
      };
    },
    effectiveMode: () => firewall.confirmed()?.mode ?? 'none',
    bindsPublicly: () => firewall.confirmed()?.mode !== 'tunnel',
  };
}

function asNetwork(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function describe({ mode, firewall, open_ports, ssh_from }: FirewallRules): string {
  const ports = open_ports.length > 0 ? `port ${open_ports.join(', ')} is open` : 'no port is open';
  const ssh = ssh_from.length > 0 ? `SSH from ${ssh_from.join(', ')}` : 'no SSH';
  return `The security mode ${mode} is in force by ${firewall}: ${ports}, ${ssh}.`;
}
