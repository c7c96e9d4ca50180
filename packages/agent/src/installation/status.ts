/** `mainstay-agent status`: how the agent on this machine is, for people, and with --json for programs. Exit code 0 only when it is connected. */
import { parseArgs } from 'node:util';
import { loadRemoval, removalText } from '../link/removal.ts';
import { loadIdentity } from '../state/identity.ts';
import { places, readAgentFile } from './agent-file.ts';
import { askAgent } from './agent-socket.ts';
import { securityText } from './secured.ts';
import { unitProperties } from './system.ts';

/** Prints the state and sets the exit code. */
export async function runStatus(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } });
  const settings = readAgentFile();
  const identity = settings && loadIdentity(settings.home);
  const unit = settings && (await unitProperties(places.unit, ['ActiveState', 'SubState', 'MainPID', 'NRestarts']));
  const agent = settings && (await askAgent());
  const removal = settings && identity && loadRemoval(settings.home, identity.server_id);
  process.exitCode = agent?.connected ? 0 : 1;
  if (values.json) {
    const state = agent?.state ?? null;
    const told = {
      installed: settings !== null,
      server: identity?.server ?? null,
      url: settings?.url ?? null,
      unit: unit?.['ActiveState'] ?? null,
      connected: agent?.connected ?? false,
      removed: removal,
      security: agent?.state.security ?? null,
      state,
    };
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
    return;
  }
  if (!settings) {
    process.stdout.write('Mainstay is not installed on this machine.\n');
    return;
  }
  const services = Object.entries(agent?.state.services ?? {});
  const lines: [string, string][] = [
    ['server', identity?.server ?? 'not enrolled'],
    ['panel', `${settings.url}${agent?.connected ? '' : ' (not connected)'}`],
    ['unit', `${unit?.['ActiveState']} (${unit?.['SubState']}), restarted ${unit?.['NRestarts']} times by systemd`],
    ['security', agent ? securityText(agent.state.security) : settings.security.mode],
    ['version', agent?.state.agent_version ?? 'the agent does not answer'],
    ['memory', agent ? `${((agent.state.usage.agent_rss_bytes ?? 0) / 1048576).toFixed(0)} MB` : '-'],
    ['services', services.length === 0 ? 'none' : services.map(([name, { state }]) => `${name} ${state}`).join(', ')],
    ...(removal ? [['removed', removalText(removal)] as [string, string]] : []),
    ...(agent?.state.problems ?? [])
      .filter(({ code }) => code !== 'removed')
      .map(({ message }): [string, string] => ['problem', message]),
  ];
  process.stdout.write(lines.map(([name, text]) => `${name.padEnd(10)}${text}\n`).join(''));
  if (!agent) process.stdout.write(`\nLook for why: journalctl -u ${places.unit} -n 50 --no-pager\n`);
}
