/**
 * `mainstay-agent.previous revert-update`: what the watchdog of an update starts. It is the executable from before the update, and puts
 * itself back in its place, unless the new one has proved itself meanwhile.
 */
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { places, readAgentFile } from '../installation/agent-file.ts';
import { askAgent } from '../installation/agent-socket.ts';
import { run, unitProperties } from '../installation/system.ts';
import { systemdTrial, trial_seconds } from './trial.ts';
import { readUpdate, saveUpdate } from './update-record.ts';

/** Puts the previous executable back and starts it. Run again after it was cut short, it goes on. */
export async function runRevertUpdate(): Promise<void> {
  const home = readAgentFile()?.home ?? places.home;
  const record = readUpdate(home);
  if (record?.state !== 'trial' && record?.state !== 'reverting') return;
  const reason = record.reason ?? (await whyNot());
  saveUpdate(home, { ...record, state: 'reverting', reason });
  if (existsSync(places.previous_binary)) {
    const next = `${places.binary}.next`;
    rmSync(next, { force: true });
    linkSync(places.previous_binary, next);
    renameSync(next, places.binary);
  }
  saveUpdate(home, { ...record, state: 'reverted', reason, at: Date.now() });
  await run(['systemctl', 'reset-failed', places.unit]).catch(() => {});
  await systemdTrial.restartAgent();
}

async function whyNot(): Promise<string> {
  const { ActiveState, NRestarts } = await unitProperties(places.unit, ['ActiveState', 'NRestarts']);
  const agent = await askAgent();
  const how = agent
    ? 'it runs, and is not connected'
    : `it does not answer (its unit is ${ActiveState}, restarted ${NRestarts} times)`;
  return `it did not reach the control plane within ${trial_seconds} s: ${how}`;
}
