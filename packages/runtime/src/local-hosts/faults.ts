/**
 * What can happen to a host's wire and disk. Faults of the wire are set on the machine's end, so that the host cannot see or
 * undo them, and they hold over a reboot of the host only where that keeps its wire (virtual machines).
 *
 * Delay and loss are netem's where the kernel has it. Without it, loss is a rule that drops packets by lot, in both directions
 * as well; a delay cannot be had then, and is refused rather than left out in silence.
 */
import { AppError } from '@mainstay/contract/app-error';
import type { LocalHost } from './local-host.ts';
import { networkOf } from './network.ts';
import { attempt, run } from './run.ts';

export type WireFault = {
  /** Added to the time of what goes to the host, so to its round trips; with this much variation. */
  delay_ms?: number;
  jitter_ms?: number;
  /** Packets lost of 100, each way. */
  loss_percent?: number;
};

const filler = '/var/tmp/mainstay-lab-filler';

/** Cuts the wire: the link of the host stays up, as behind a switch that fails, and nothing passes. */
export async function cutNetwork(host: LocalHost): Promise<void> {
  await run(['ip', 'link', 'set', host.address.port, 'down']);
}

/** Slows the wire down and loses packets. Throws Unavailable where this kernel cannot do it. */
export async function hinderNetwork(host: LocalHost, fault: WireFault): Promise<void> {
  const { delay_ms = 0, jitter_ms = 0, loss_percent = 0 } = fault;
  checkRange('delay_ms', delay_ms, 60_000);
  checkRange('jitter_ms', jitter_ms, delay_ms);
  checkRange('loss_percent', loss_percent, 100);
  await clearHindrance(host);
  if (delay_ms > 0) {
    const delay = ['delay', `${delay_ms}ms`, `${jitter_ms}ms`];
    if (!(await attempt(['tc', 'qdisc', 'replace', 'dev', host.address.port, 'root', 'netem', ...delay]))) {
      throw new AppError(
        'Unavailable',
        'A delay cannot be had here: the kernel of this machine has no netem (sch_netem).',
        {
          field: 'delay_ms',
          hint: 'Use a kernel with CONFIG_NET_SCH_NETEM; loss, cut and pause work without it.',
        },
      );
    }
  }
  if (loss_percent > 0) await loseByLot(host, loss_percent);
}

/** Puts the wire right again: connected, no delay, no loss. */
export async function healNetwork(host: LocalHost): Promise<void> {
  await clearHindrance(host);
  await run(['ip', 'link', 'set', host.address.port, 'up']);
}

/** Fills the disk of the host up to the last `leave_mb` (0). What holds the room is one file; `freeDisk` removes it. */
export async function fillDisk(host: LocalHost, leave_mb = 0): Promise<void> {
  checkRange('leave_mb', leave_mb, 1_048_576);
  const free = Number((await host.run(['stat', '-f', '-c', '%a', '/'])).trim());
  const block = Number((await host.run(['stat', '-f', '-c', '%S', '/'])).trim());
  const bytes = free * block - leave_mb * 1024 * 1024;
  if (bytes > 0) await host.exec(['fallocate', '-l', String(bytes), filler], { timeout_ms: 300_000 });
  // What fallocate could not place, because its own bookkeeping takes room, is filled byte by byte.
  if (leave_mb === 0) {
    const how = ['bs=64k', 'oflag=append', 'conv=notrunc', 'status=none'];
    await host.exec(['dd', 'if=/dev/zero', `of=${filler}`, ...how], { timeout_ms: 300_000 });
  }
}

export async function freeDisk(host: LocalHost): Promise<void> {
  await host.run(['rm', '-f', filler]);
}

/** Kills all processes of a unit at once, as the kernel does when memory runs out. */
export async function killUnit(host: LocalHost, unit: string): Promise<void> {
  if (!/^[A-Za-z0-9][A-Za-z0-9:_.@\\-]{0,200}$/.test(unit)) {
    throw new AppError('InvalidInput', `"${unit.slice(0, 100)}" is no name of a unit.`, { field: 'unit' });
  }
  await host.run(['systemctl', 'kill', '--signal=SIGKILL', unit]);
}

async function clearHindrance(host: LocalHost): Promise<void> {
  await attempt(['tc', 'qdisc', 'delete', 'dev', host.address.port, 'root']);
  const { table } = networkOf(host.record.index);
  for (const chain of [host.address.port, `${host.address.port}-out`]) {
    await attempt(['nft', 'delete', 'chain', 'bridge', table, chain]);
  }
}

/** Drops packets by lot where they pass the bridge, and where they go between host and machine. */
async function loseByLot(host: LocalHost, loss_percent: number): Promise<void> {
  const { table } = networkOf(host.record.index);
  const { port } = host.address;
  const lot = `numgen random mod 10000 <= ${Math.max(1, Math.round(loss_percent * 100)) - 1} drop`;
  const chains = ['prerouting', 'postrouting'].map((hook) => {
    const name = hook === 'prerouting' ? port : `${port}-out`;
    const side = hook === 'prerouting' ? 'iifname' : 'oifname';
    return `chain ${name} { type filter hook ${hook} priority 0; ${side} "${port}" ${lot}; }`;
  });
  await run(['nft', '-f', '-'], { stdin: `table bridge ${table} {\n${chains.join('\n')}\n}\n` });
}

function checkRange(field: string, value: number, most: number): void {
  if (Number.isFinite(value) && value >= 0 && value <= most) return;
  throw new AppError('InvalidInput', `"${field}" must be from 0 to ${most}.`, { field });
}
