/**
 * What a server lets in, as data: the security mode that is in effect, and the ports and networks that it leaves open. Who writes the
 * rules, and how they are taken back, is said elsewhere; two equal values mean the same rules.
 */
import type { SecuritySettings } from '@mainstay/contract/server-state';
import type { SecurityMode } from '@mainstay/contract/stack';

export type FirewallRules = {
  mode: Exclude<SecurityMode, 'none'>;
  firewall: 'nftables' | 'ufw';
  /** Ports of the proxy that all may reach over TCP; none in mode `tunnel`. */
  open_ports: readonly number[];
  ssh_ports: readonly number[];
  /** Networks that may reach the ports of SSH. */
  ssh_from: readonly string[];
  /** Links that are named as those of containers are, and lead outside all the same. */
  outer_links: readonly string[];
};

/** What is so on this server, apart from what was chosen. */
export type ServerFacts = {
  ufw_active: boolean;
  /** Ports on which the proxy serves the outside. */
  proxy_ports: readonly number[];
  ssh_ports: readonly number[];
  outer_links: readonly string[];
};

const strictness: readonly SecurityMode[] = ['none', 'daemon-port', 'tunnel'];

/** Server and stack each have a mode; the one that lets in less is in effect. */
export function stricterMode(one: SecurityMode, other: SecurityMode): SecurityMode {
  return strictness.indexOf(one) >= strictness.indexOf(other) ? one : other;
}

/** The rules for settings whose mode is the effective one; null where nothing is to be closed. */
export function rulesFor({ mode, ssh_from, firewall }: SecuritySettings, facts: ServerFacts): FirewallRules | null {
  if (mode === 'none') return null;
  return {
    mode,
    firewall: firewall === 'auto' ? (facts.ufw_active ? 'ufw' : 'nftables') : firewall,
    open_ports: mode === 'daemon-port' ? sorted(facts.proxy_ports) : [],
    ssh_ports: ssh_from.length === 0 ? [] : sorted(facts.ssh_ports),
    ssh_from: [...new Set(ssh_from)].sort(),
    outer_links: [...new Set(facts.outer_links)].sort(),
  };
}

export function areSameRules(one: FirewallRules | null, other: FirewallRules | null): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function sorted(ports: readonly number[]): number[] {
  return [...new Set(ports)].sort((a, b) => a - b);
}
