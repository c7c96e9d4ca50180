/**
 * The text of our table in nftables: a pure function. All of it is loaded in one transaction, so that there is no moment with half of it.
 *
 * A packet that one table drops is dropped, whatever other tables accept: what UFW, Docker or an administrator open is closed by ours
 * all the same, and what they close stays closed. Three ways lead in:
 * - input: programs of this server. Redirected ports count by the port that was asked for.
 * - forward, after DNAT: ports that containers publish, which never pass input. They count by the port that was asked for as well.
 * - forward, straight to a link of containers: a neighbour that sets a route to their network.
 * Other forwarding is left alone: a server that is a router stays one. Outbound is not looked at.
 */
import { containerLinks } from './links.ts';
import type { FirewallRules } from './rules.ts';

export const table_name = 'mainstay';

/** A TCP connection that was open when the rules came, as this server sees it. */
export type OpenConnection = { local: string; local_port: number; remote: string; remote_port: number };

/** How long connections from before are let through by their addresses, minutes: until connection tracking has seen them. */
const grace_minutes = 10;

/** Takes our table away; no error where it is not there. */
export const no_table = `table inet ${table_name}\ndelete table inet ${table_name}\n`;

/**
 * What an error or a neighbour must be able to say to us: RFC 4890 for IPv6, path MTU and unreachable for IPv4. No echo: a server
 * that is dark does not answer.
 */
const icmp = 'destination-unreachable, time-exceeded, parameter-problem';
const icmpv6 =
  'destination-unreachable, packet-too-big, time-exceeded, parameter-problem, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query';

/** The transaction that puts the rules in the place of those that our table had. */
export function tableText(rules: FirewallRules, before: readonly OpenConnection[] = []): string {
  const { open_ports, ssh_ports, ssh_from, outer_links } = rules;
  const is_ssh_open = ssh_ports.length > 0 && ssh_from.length > 0;
  // A rule for each port: nft 1.0 writes a set of them in a form that it cannot print.
  const admit = open_ports.map((port) => `ct status dnat meta l4proto tcp ct original proto-dst ${port} accept`);
  return `${no_table}table inet ${table_name} {
${set('ssh_from_v4', 'type ipv4_addr', 'flags interval; auto-merge', v4(ssh_from))}
${set('ssh_from_v6', 'type ipv6_addr', 'flags interval; auto-merge', v6(ssh_from))}
${set('before_v4', 'type ipv4_addr . inet_service . ipv4_addr . inet_service', 'flags timeout', tuples(before, 4))}
${set('before_v6', 'type ipv6_addr . inet_service . ipv6_addr . inet_service', 'flags timeout', tuples(before, 6))}
	chain input {
		type filter hook input priority filter - 10; policy drop;
${lines([
  'iifname "lo" accept',
  'ct state established,related accept',
  'jump inside',
  `icmp type { ${icmp} } accept`,
  `icmpv6 type { ${icmpv6} } accept`,
  'udp sport 67 udp dport 68 accept',
  'ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept',
  'ip saddr . tcp sport . ip daddr . tcp dport @before_v4 accept',
  'ip6 saddr . tcp sport . ip6 daddr . tcp dport @before_v6 accept',
  ...admit,
  'ct status dnat drop',
  ...(open_ports.length > 0 ? [`tcp dport ${setOf(open_ports)} accept`] : []),
  ...(is_ssh_open ? ['4', '6'].map((v) => sshRule(v, ssh_ports)) : []),
])}
	}

	chain forward {
		type filter hook forward priority filter - 10; policy accept;
${lines([
  'ct state established,related accept',
  'jump inside',
  ...admit,
  'ct status dnat drop',
  ...outer_links.map((link) => `oifname "${link}" accept`),
  ...containerLinks.map((pattern) => `oifname "${pattern}" drop`),
])}
	}

	chain inside {
${lines([
  ...outer_links.map((link) => `iifname "${link}" return`),
  ...containerLinks.map((pattern) => `iifname "${pattern}" accept`),
])}
	}
}
`;
}

function sshRule(version: string, ports: readonly number[]): string {
  return `${version === '4' ? 'ip' : 'ip6'} saddr @ssh_from_v${version} tcp dport ${setOf(ports)} accept`;
}

function setOf(values: readonly (number | string)[]): string {
  return `{ ${values.join(', ')} }`;
}

function set(name: string, type: string, flags: string, elements: readonly string[]): string {
  const filled = elements.length === 0 ? '' : `\t\telements = ${setOf(elements)}\n`;
  return `\tset ${name} {\n\t\t${type}; ${flags};\n${filled}\t}\n`;
}

function lines(rules: readonly string[]): string {
  return rules.map((rule) => `\t\t${rule}`).join('\n');
}

const v6 = (networks: readonly string[]) => networks.filter((network) => network.includes(':'));
const v4 = (networks: readonly string[]) => networks.filter((network) => !network.includes(':'));

function tuples(before: readonly OpenConnection[], version: 4 | 6): string[] {
  return before
    .filter(({ local }) => local.includes(':') === (version === 6))
    .map(
      ({ local, local_port, remote, remote_port }) =>
        `${remote} . ${remote_port} . ${local} . ${local_port} timeout ${grace_minutes}m`,
    );
}
