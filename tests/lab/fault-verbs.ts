/** The words of `lab fault`: what each does to a host. */
import type { LocalHost } from '@mainstay/runtime/local-hosts/index';

type FaultVerb = { usage: string; run: (host: LocalHost, words: readonly string[]) => Promise<void> };

export const faults: Record<string, FaultVerb> = {
  'power-off': { usage: '(as when the cable is pulled)', run: (host) => host.powerOff() },
  boot: { usage: '', run: (host) => host.boot() },
  shutdown: { usage: '(in good order)', run: (host) => host.shutdown() },
  reboot: { usage: '(in good order)', run: (host) => host.reboot() },
  pause: { usage: '', run: (host) => host.pause() },
  unpause: { usage: '', run: (host) => host.unpause() },
};
