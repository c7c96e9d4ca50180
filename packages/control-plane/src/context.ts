/** What every noun of the control plane is given: the store, time, the keeper, signals. No noun reaches for a global. */
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import type { Clock, Git, Logger } from '@mainstay/runtime';
import type { StoreBus } from './bus/store-bus.ts';
import type { Recall } from './operations/planned.ts';
import type { Seal } from './secrets/seal.ts';
import type { Inquiries } from './servers/inquiries.ts';
import type { Signals } from './signals.ts';
import type { Store } from './store/store.ts';
import type { UsageRecorder } from './usage/usage-recorder.ts';

export type Context = {
  store: Store;
  clock: Clock;
  log: Logger;
  keeper: KeeperApi;
  signals: Signals;
  /** What is asked of servers now. */
  inquiries: Inquiries;
  bus: StoreBus;
  git: Git;
  seal: Seal;
  /** Takes samples of what servers report. */
  usage: UsageRecorder;
  /** Folder of the control plane's state. */
  home: string;
  /** Folder of the agent's executables, which new servers fetch; null without one. */
  agent_dir: string | null;
  /** Address under which people reach it, without a slash at the end. */
  public_url: () => string;
  /** The path in it, such as `/panel`; empty without one. Requests come with it or without, as the reverse proxy does it. */
  prefix: string;
  version: string;
  /** While a change is planned: what it learns beyond the store, so that it is planned the same way when it is carried out. */
  recall: Recall;
  /** Asks for running operations to be looked at soon. */
  settle: () => void;
};
