/**
 * What `up` remembers from one start to the next: which programs it started, so that those of a killed `up` are ended and
 * not fought with, and whether the example was deployed, so that it does not come back after it was removed.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

export type UpRecord = { programs: Record<string, ProcessIdentity>; is_example_deployed: boolean };

const poll_ms = 50;

export function readRecord(path: string): UpRecord {
  try {
    return {
      programs: {},
      is_example_deployed: false,
      ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<UpRecord>),
    };
  } catch {
    return { programs: {}, is_example_deployed: false };
  }
}

export function writeRecord(path: string, record: UpRecord): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Ends the programs that a killed `up` left; services and the proxy run on. Gives the names of what it ended. */
export async function endLeftovers(record: UpRecord, wait_ms: number): Promise<string[]> {
  const left = Object.entries(record.programs).filter(([, identity]) => isRunning(identity));
  await Promise.all(left.map(([, identity]) => endProcess(identity, wait_ms)));
  return left.map(([name]) => name);
}

async function endProcess(identity: ProcessIdentity, wait_ms: number): Promise<void> {
  for (const [signal, patience] of [
    ['SIGTERM', wait_ms],
    ['SIGKILL', 5_000],
  ] as const) {
    try {
      process.kill(identity.pid, signal);
    } catch {
      return;
    }
    for (let waited = 0; waited < patience; waited += poll_ms) {
      if (!isRunning(identity)) return;
      await new Promise((resolve) => setTimeout(resolve, poll_ms));
    }
  }
}
