/** The words of `lab fault`: what each does to a host. */
import { AppError } from '@mainstay/contract/app-error';
import {
  cutNetwork,
  fillDisk,
  freeDisk,
  healNetwork,
  hinderNetwork,
  killUnit,
  type LocalHost,
} from '@mainstay/runtime/local-hosts/index';

type FaultVerb = { usage: string; run: (host: LocalHost, words: readonly string[]) => Promise<void> };

export const faults: Record<string, FaultVerb> = {
  'power-off': { usage: '(as when the cable is pulled)', run: (host) => host.powerOff() },
  boot: { usage: '', run: (host) => host.boot() },
  shutdown: { usage: '(in good order)', run: (host) => host.shutdown() },
  reboot: { usage: '(in good order)', run: (host) => host.reboot() },
  kill: { usage: 'UNIT (SIGKILL to all its processes)', run: (host, [unit = '']) => killUnit(host, unit) },
  pause: { usage: '', run: (host) => host.pause() },
  unpause: { usage: '', run: (host) => host.unpause() },
  cut: { usage: '(the network)', run: (host) => cutNetwork(host) },
  delay: {
    usage: 'MS [JITTER_MS] (needs netem)',
    run: (host, [delay, jitter]) =>
      hinderNetwork(host, { delay_ms: numberOf(delay), jitter_ms: numberOf(jitter ?? '0') }),
  },
  loss: { usage: 'PERCENT', run: (host, [loss]) => hinderNetwork(host, { loss_percent: numberOf(loss) }) },
  heal: { usage: '(cut, delay and loss)', run: (host) => healNetwork(host) },
  'fill-disk': { usage: '[LEAVE_MB]', run: (host, [leave]) => fillDisk(host, numberOf(leave ?? '0')) },
  'free-disk': { usage: '', run: (host) => freeDisk(host) },
  clock: { usage: 'SECONDS (virtual machines)', run: (host, [seconds]) => host.shiftClock(numberOf(seconds)) },
};

function numberOf(text: string | undefined): number {
  const number = Number(text);
  if (text !== undefined && text !== '' && Number.isFinite(number)) return number;
  throw new AppError('InvalidInput', `Expected a number, not "${text ?? ''}".`, { field: 'number', hint: 'lab fault' });
}
