/** The programs under attack, each a process of its own from its source: started, killed by SIGKILL, started again on the same state. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export const victims = ['control plane', 'keeper', 'agent'] as const;
export type Victim = (typeof victims)[number];

const mains: Record<Victim, string> = {
  'control plane': 'packages/control-plane/src/control-plane-main.ts',
  keeper: 'packages/keeper/src/keeper-main.ts',
  agent: 'packages/agent/src/agent-main.ts',
};

export type Program = {
  readonly name: Victim;
  readonly is_running: boolean;
  start(more?: Record<string, string>): void;
  /** SIGKILL, and its end. Nothing when it does not run. */
  kill(): Promise<void>;
  /** In order; SIGKILL after 20 s. */
  stop(signal?: NodeJS.Signals): Promise<void>;
};

/** What it prints goes to the end of a log file, for whoever looks into a broken law. */
export function createProgram(name: Victim, args: readonly string[], log: string): Program {
  let child: ChildProcess | null = null;
  let ended: Promise<void> = Promise.resolve();
  const end = async (signal: NodeJS.Signals) => {
    child?.kill(signal);
    const late = setTimeout(() => child?.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(late);
  };
  return {
    name,
    get is_running() {
      return child !== null;
    },
    start(more = {}) {
      if (child) throw new Error(`the ${name} runs already`);
      const started = spawn(process.execPath, [join(root, mains[name]), ...args], {
        env: { ...process.env, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child = started;
      const note = (chunk: Buffer) => appendFileSync(log, chunk);
      started.stdout?.on('data', note);
      started.stderr?.on('data', note);
      ended = new Promise((resolve) => {
        started.once('exit', (code, signal) => {
          appendFileSync(log, `--- the ${name} ended: ${signal ?? code}\n`);
          if (child === started) child = null;
          resolve();
        });
      });
    },
    kill: () => end('SIGKILL'),
    stop: (signal = 'SIGTERM') => end(signal),
  };
}
