/**
 * The watchdog of an update: a timer of systemd that has the previous executable put itself back, unless it is called off in time. It is on
 * disk and enabled, so that it also runs after a power cut in the middle, and needs nothing of the new executable.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { places } from '../installation/agent-file.ts';
import { run, succeeds } from '../installation/system.ts';

export type Trial = {
  /** From now on the previous executable comes back after `trial_seconds`, also over a reboot. */
  begin(): Promise<void>;
  /** Takes the watchdog away; false when it is at work already. */
  callOff(): Promise<boolean>;
  /** Has the previous executable come back now. */
  revertNow(): Promise<void>;
  /** Starts the agent anew, as the executable that is in place now; does not wait, as this process ends by it. */
  restartAgent(): Promise<void>;
};

export const trial_seconds = 60;
export const trial_unit = 'mainstay-agent-trial';
const timer_file = `/etc/systemd/system/${trial_unit}.timer`;
const service_file = `/etc/systemd/system/${trial_unit}.service`;

const timer_text = `# Made by mainstay-agent for the time of an update.
[Unit]
Description=Puts the previous Mainstay agent back

[Timer]
OnActiveSec=${trial_seconds}
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
const service_text = `# Made by mainstay-agent for the time of an update.
[Unit]
Description=Puts the previous Mainstay agent back

[Service]
Type=oneshot
ExecStart=${places.previous_binary} revert-update
`;

export const systemdTrial: Trial = {
  async begin() {
    await systemdTrial.callOff();
    writeFileSync(service_file, service_text);
    writeFileSync(timer_file, timer_text);
    await run(['systemctl', 'daemon-reload']);
    await run(['systemctl', 'enable', '--now', '--quiet', `${trial_unit}.timer`]);
  },
  async callOff() {
    if (!existsSync(timer_file) && !existsSync(service_file)) return true;
    await succeeds(['systemctl', 'disable', '--now', '--quiet', `${trial_unit}.timer`]);
    if (await isAtWork()) return false;
    rmSync(timer_file, { force: true });
    rmSync(service_file, { force: true });
    await run(['systemctl', 'daemon-reload']);
    await succeeds(['systemctl', 'reset-failed', `${trial_unit}.service`]);
    return true;
  },
  async revertNow() {
    await run(['systemctl', 'start', '--no-block', `${trial_unit}.service`]);
  },
  async restartAgent() {
    await run(['systemctl', 'restart', '--no-block', places.unit]);
  },
};

/** A oneshot unit is `activating` while it works, for which `is-active` gives no success. */
async function isAtWork(): Promise<boolean> {
  const state = await run(['systemctl', 'show', '--property=ActiveState', '--value', `${trial_unit}.service`]);
  return state.trim() === 'activating';
}
