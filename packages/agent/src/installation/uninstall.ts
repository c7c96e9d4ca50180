/**
 * `mainstay-agent uninstall`: takes back all that installing and running an agent brought: services and proxy, units, names, folders and
 * the executable. It works without control plane, and whatever the agent is doing; what is gone already is no error.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { AppError } from '@mainstay/contract/errors';
import { createLogger } from '@mainstay/runtime/log';
import { serverNames } from '../dns/server-names.ts';
import { removeFirewall } from '../firewall/server-firewall.ts';
import { loadIdentity } from '../state/identity.ts';
import { removeSystemdTraces } from '../supervisor/systemd/remove-traces.ts';
import { systemdTrial } from '../update/trial.ts';
import { places, readAgentFile } from './agent-file.ts';
import { checkMachine, run, succeeds, unitProperties } from './system.ts';
import { uninstall_drop_in } from './unit.ts';

const drop_in = dirname(uninstall_drop_in.path);
const strays_ms = 15_000;

/** Removes the agent. Throws AppError when something of it could not be removed; run again, it goes on. */
export async function runUninstall(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { 'keep-data': { type: 'boolean', default: false }, yes: { type: 'boolean', default: false } },
  });
  checkMachine();
  const is_here = [places.settings, places.unit_file, places.home, places.binary].some((path) => existsSync(path));
  if (!is_here) {
    process.stdout.write('Nothing to do: Mainstay is not installed on this machine.\n');
    return;
  }
  const home = knownHome();
  const server = knownServer(home);
  if (!values.yes) await confirm(server, values['keep-data'] ? null : home);
  await systemdTrial.callOff();
  await stopAgent();
  // Before its units are: one of them is what takes back rules that were not confirmed.
  await removeFirewall(home);
  await stopUnits();
  await endStrays(home);
  await removeSystemdTraces(home, values['keep-data']);
  await serverNames(createLogger({ name: 'uninstall', level: 'warn' })).remove();
  rmSync(places.unit_file, { force: true });
  await run(['systemctl', 'daemon-reload']);
  await succeeds(['systemctl', 'reset-failed', places.unit]);
  if (!values['keep-data']) rmSync(home, { recursive: true, force: true });
  else for (const name of ['agent.sock', 'proxy/control.sock']) rmSync(`${home}/${name}`, { force: true });
  rmSync(places.settings, { force: true });
  rmSync(places.ca, { force: true });
  removeIfEmpty(places.settings_folder);
  for (const path of [places.binary, places.previous_binary, `${places.binary}.next`]) rmSync(path, { force: true });
  process.stdout.write('Mainstay was removed from this machine.\n');
  if (values['keep-data']) process.stdout.write(`  Its data is kept: ${home}\n`);
  if (server)
    process.stdout.write(`  The panel still lists it. To forget it there: mainstay servers remove ${server}\n`);
  if (existsSync(places.packaged_binary))
    process.stdout.write('  The package is still there: apt-get remove mainstay-agent\n');
  process.stdout.write('  Packages that it used, such as git, and the journal stay.\n');
}

/** Settings that are damaged must not keep anybody from removing the agent. */
function knownHome(): string {
  try {
    return readAgentFile()?.home ?? places.home;
  } catch {
    return places.home;
  }
}

function knownServer(home: string): string | null {
  try {
    return loadIdentity(home)?.server ?? null;
  } catch {
    return null;
  }
}

async function confirm(server: string | null, home: string | null): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new AppError('InvalidInput', 'Removing the agent stops all services that it runs, and has to be confirmed.', {
      field: 'yes',
      hint: 'Run it with --yes.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const data = home === null ? 'Its data stays.' : `Its data in ${home} is deleted.`;
  const answer = await terminal.question(
    `Remove Mainstay from ${server ?? 'this machine'}, and stop its services? ${data} [y/N] `,
  );
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new AppError('Conflict', 'Nothing was removed.');
}

/** The agent is asked by SIGUSR2 to end with all that it runs; what does not listen is killed with the unit. */
async function stopAgent(): Promise<void> {
  if (!existsSync(places.unit_file)) return;
  mkdirSync(drop_in, { recursive: true });
  writeFileSync(uninstall_drop_in.path, uninstall_drop_in.text);
  try {
    await run(['systemctl', 'daemon-reload']);
    // Disabled only once it has ended: an agent that runs finds that, and enables itself again.
    await run(['systemctl', 'stop', places.unit]);
    await run(['systemctl', 'disable', '--quiet', places.unit]);
  } finally {
    rmSync(drop_in, { recursive: true, force: true });
  }
}

/** Units of services, builds and proxies, which a supervisor by systemd or the proxy on servers made. */
async function stopUnits(): Promise<void> {
  const listed = await run(['systemctl', 'list-units', '--all', '--plain', '--no-legend', '--full', 'mainstay-*']);
  const units = listed
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0] ?? '')
    .filter((unit) => unit.startsWith('mainstay-') && unit !== places.unit);
  for (const unit of units) {
    await run(['systemctl', 'stop', unit]);
    const { FragmentPath = '' } = await unitProperties(unit, ['FragmentPath']);
    if (/^\/(etc|run)\/systemd\/system\/mainstay-/.test(FragmentPath)) {
      if (FragmentPath.startsWith('/etc/')) await succeeds(['systemctl', 'disable', '--quiet', unit]);
      rmSync(FragmentPath, { force: true });
    }
    await succeeds(['systemctl', 'reset-failed', unit]);
  }
}

/** Ends processes that work in the agent's folder, such as those of an agent that was killed and could not end them itself. */
async function endStrays(home: string): Promise<void> {
  const deadline = Date.now() + strays_ms;
  for (
    let signal: NodeJS.Signals = 'SIGTERM';
    ;
    signal = Date.now() > deadline - strays_ms / 2 ? 'SIGKILL' : 'SIGTERM'
  ) {
    const strays = processesOf(home);
    if (strays.length === 0) return;
    if (Date.now() > deadline) {
      throw new AppError('Unavailable', `Processes of services do not end: ${strays.join(', ')}.`, {
        hint: 'End them by `kill -9`, and run this again.',
      });
    }
    for (const pid of strays) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended by itself.
      }
    }
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** Processes whose command line or environment names the agent's folder, or that a unit of the agent left behind. */
function processesOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const marks = ['cgroup', 'environ', 'cmdline'].map((file) => readProc(pid, file));
      return (
        marks[0]!.includes(`/${places.unit}\n`) ||
        marks.slice(1).some((text) => text.split('\0').some((part) => isUnder(part, home)))
      );
    })
    .map(Number);
}

function isUnder(text: string, home: string): boolean {
  const path = text.slice(text.indexOf('=') + 1);
  return path === home || path.startsWith(`${home}/`);
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Something of somebody else is in it, or it is gone.
  }
}
