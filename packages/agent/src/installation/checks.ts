/** What `doctor` looks at: each check says what it found and, where that is wrong, how to put it right. */
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { AppError } from '@mainstay/contract/errors';
import { loadIdentity } from '../state/identity.ts';
import { hasSystemd } from '../supervisor/systemd/units.ts';
import { type AgentFile, places } from './agent-file.ts';
import type { RunningAgent } from './agent-socket.ts';
import { askPanel } from './panel.ts';
import { securityText } from './secured.ts';
import { findProgram, succeeds, unitProperties } from './system.ts';

export type Finding = { ok: boolean; message: string; fix?: string };
/** Asks the agent that runs here; null while none answers. */
export type AskAgent = () => Promise<Pick<RunningAgent, 'connected' | 'state'> | null>;
export type Check = {
  name: string;
  /** It is about how the agent is installed, which an agent that somebody started by hand is not. */
  of_installation?: true;
  /** `settings` is null where the agent is not installed. */
  look(settings: AgentFile | null, ask: AskAgent): Promise<Finding | null>;
};

const skew_ms_max = 60_000;
const free_bytes_min = 2 * 1024 ** 3;

const wrong = (message: string, fix: string): Finding => ({ ok: false, message, fix });
const right = (message: string): Finding => ({ ok: true, message });

/** A check that gives null does not apply to this machine. */
export const checks: readonly Check[] = [
  {
    name: 'systemd',
    of_installation: true,
    async look() {
      if (hasSystemd()) return right('runs this machine');
      return wrong('does not run this machine', 'Install on a server with Debian or Ubuntu.');
    },
  },
  {
    name: 'git',
    async look() {
      const path = findProgram('git');
      return path ? right(path) : wrong('is missing; services come from Git', 'apt-get install git');
    },
  },
  {
    name: 'disk',
    async look(settings) {
      const home = settings?.home ?? places.home;
      const { bavail, bsize, ffree, files } = await statfs(existsSync(home) ? home : '/var/lib');
      const free = bavail * bsize;
      const text = `${(free / 1024 ** 3).toFixed(1)} GB free at ${home}`;
      if (free < free_bytes_min)
        return wrong(text, 'Make room: builds and releases need 2 GB. Look by: du -xh / | sort -h | tail');
      if (files > 0 && ffree / files < 0.02)
        return wrong('almost no inodes are left', 'Delete folders with many small files.');
      return right(text);
    },
  },
  {
    name: 'name',
    async look(settings) {
      if (!settings) return null;
      const { hostname } = new URL(settings.url);
      try {
        const { address } = await lookup(hostname.replace(/^\[|\]$/g, ''));
        return right(address === hostname ? hostname : `${hostname} is ${address}`);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        return wrong(
          `${hostname} cannot be resolved (${code})`,
          'Check /etc/resolv.conf and the DNS entry of the panel.',
        );
      }
    },
  },
  {
    name: 'panel',
    async look(settings) {
      if (!settings) return null;
      try {
        const { seconds } = await askPanel(settings);
        return right(`${settings.url} answers after ${seconds.toFixed(2)} s`);
      } catch (error) {
        const { message, hint } = error as AppError;
        return wrong(message, error instanceof AppError && hint ? hint : 'Check that the panel runs.');
      }
    },
  },
  {
    name: 'clock',
    async look(settings) {
      if (!settings) return null;
      const answer = await askPanel(settings).catch(() => null);
      if (answer?.skew_ms == null) return null;
      const off = `${(Math.abs(answer.skew_ms) / 1000).toFixed(0)} s ${answer.skew_ms > 0 ? 'ahead of' : 'behind'} the panel's`;
      if (Math.abs(answer.skew_ms) <= skew_ms_max) return right('is that of the panel');
      return wrong(`is ${off}; signatures are refused`, 'Set it: timedatectl set-ntp true');
    },
  },
  {
    name: 'unit',
    of_installation: true,
    async look(settings) {
      if (!settings) return null;
      const { ActiveState, SubState } = await unitProperties(places.unit, ['ActiveState', 'SubState']);
      if (ActiveState !== 'active') {
        return wrong(`${places.unit} is ${ActiveState} (${SubState})`, `journalctl -u ${places.unit} -n 50 --no-pager`);
      }
      if (await succeeds(['systemctl', 'is-enabled', '--quiet', places.unit]))
        return right(`${places.unit} runs and is enabled`);
      return wrong(`${places.unit} is not started at boot`, `systemctl enable ${places.unit}`);
    },
  },
  {
    name: 'agent',
    async look(settings, ask) {
      if (!settings) return wrong('is not installed', 'Run the line that the dashboard shows under "Add a server".');
      const name = loadIdentity(settings.home)?.server ?? 'not enrolled';
      const agent = await ask();
      if (!agent) return wrong('does not answer', `systemctl restart ${places.unit}`);
      const [problem] = agent.state.problems;
      if (problem) return wrong(problem.message, 'See the page of this server in the dashboard.');
      if (agent.connected) return right(`is ${name}, and the control plane sees it`);
      return wrong(`is ${name}, and not connected`, `journalctl -u ${places.unit} -n 50 --no-pager`);
    },
  },
  {
    name: 'port 80',
    async look(settings, ask) {
      // The agent's own proxy has it once it serves something.
      if (!settings?.names || (await ask())?.state.proxy.pid) return null;
      const free = await isFree(80);
      return free
        ? right('is free at 127.0.0.1, for the names of services')
        : wrong('is taken at 127.0.0.1; names of services need it', 'See by what: ss -ltnp "sport = :80"');
    },
  },
  {
    name: 'firewall',
    async look() {
      const found = ['ufw', 'nft', 'firewalld'].filter((program) => findProgram(program));
      const ufw = findProgram('ufw') && /ENABLED=yes/.test(readIfThere('/etc/ufw/ufw.conf'));
      return right(found.length === 0 ? 'none is installed' : `${found.join(', ')}${ufw ? '; UFW is active' : ''}`);
    },
  },
  {
    name: 'security',
    async look(settings, ask) {
      if (!settings) return null;
      const agent = await ask();
      // That it does not answer is what another check says.
      if (!agent) return null;
      const { security } = agent.state;
      const text = securityText(security);
      const is_so = security === null || security.state === 'in_force' || security.state === 'off';
      if (is_so || security.state === 'confirming') return right(text);
      return wrong(text, 'Set it again: mainstay servers secure SERVER MODE');
    },
  },
];

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
