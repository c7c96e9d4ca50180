/** A whole Mainstay of its own for a test: the built programs, a home in the temporary folder, ports that are free. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@mainstay/runtime/testing/free-port';

export { freePort };

const dist = join(import.meta.dirname, '..', '..', 'dist');
export const program = join(dist, 'mainstay.js');
if (!existsSync(program)) throw new Error('dist/ is not built. Run: npm run build');

export type CliResult = { code: number; stdout: string; stderr: string };
export type Up = {
  child: ChildProcess;
  /** Everything it has said. */
  said(): string;
  /** Resolves when it has said this; rejects when it ends before, or takes too long. */
  says(text: string, timeout_ms: number): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

export type Installation = {
  home: string;
  port: number;
  proxy_port: number;
  url: string;
  proxy_url: string;
  up(...options: string[]): Up;
  cli(...argv: string[]): Promise<CliResult>;
  /** The same command on another device of the same person: with a home folder, and so a device key, of its own. */
  device(name: string): Installation['cli'];
  /** Processes that work for this home: by their command line, their folder or their environment. */
  processes(): { pid: number; command: string }[];
  /** Ends all that is left and removes the home. */
  remove(): Promise<void>;
};

export async function createInstallation(environment: Record<string, string> = {}): Promise<Installation> {
  // A short path: the proxy's control socket lies in it, whose path may have 103 bytes.
  const home = mkdtempSync(join(tmpdir(), 'ms-'));
  const [port, proxy_port] = [await freePort(), await freePort()];
  const env = { ...process.env, ...environment, MAINSTAY_HOME: home };
  const device =
    (name: string): Installation['cli'] =>
    (...argv) =>
      new Promise((resolve) => {
        const own = { ...env, HOME: join(home, 'people', name), XDG_CONFIG_HOME: '' };
        execFile(process.execPath, [program, ...argv], { env: own, timeout: 60_000 }, (error, stdout, stderr) => {
          resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
        });
      });
  return {
    home,
    port,
    proxy_port,
    url: `http://127.0.0.1:${port}`,
    proxy_url: `http://127.0.0.1:${proxy_port}`,
    up: (...options) =>
      watch(spawn(process.execPath, [program, 'up', '--port', String(port), ...options], { env, detached: true })),
    cli: device('first'),
    device,
    processes: () => processesOf(home),
    async remove() {
      for (let tries = 0; tries < 50; tries++) {
        const left = processesOf(home);
        if (left.length === 0) break;
        for (const { pid } of left) kill(pid);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function watch(child: ChildProcess): Up {
  let said = '';
  let waiting = () => {};
  const take = (chunk: Buffer) => {
    said += chunk.toString();
    waiting();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
      waiting();
    });
  });
  return {
    child,
    said: () => said,
    ended,
    says: (text, timeout_ms) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`did not say "${text}" in time, but:\n${said}`)), timeout_ms);
        waiting = () => {
          if (said.includes(text)) {
            clearTimeout(timer);
            resolve();
          } else if (child.exitCode !== null || child.signalCode !== null) {
            clearTimeout(timer);
            reject(new Error(`ended before it said "${text}":\n${said}`));
          }
        };
        waiting();
      }),
  };
}

function processesOf(home: string): { pid: number; command: string }[] {
  const found: { pid: number; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
    const isOf = command.includes(home) || readProc(pid, 'environ').includes(home);
    if (isOf && command !== '') found.push({ pid, command });
  }
  return found;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}
