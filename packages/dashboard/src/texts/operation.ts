/** Words of the page of one operation. */
import type { Actor } from '@mainstay/contract/operation';

const proofs: Record<Actor['proof'], string> = {
  session: 'signed in on the dashboard',
  token: 'with an API token',
  signed: 'signed with a key of their own',
  signature: 'proven by the signature of the webhook',
  none: 'Mainstay itself',
};

export const operation = {
  title: 'Operation',
  proofs,
  all: 'Operations',
  decision: { title: 'How it was decided', waits: 'What it waits for' },
  collect: {
    title: 'What it gave',
    text: 'It had to wait, so its result was kept for you. A secret in it, such as a token, is shown once, within 24 hours.',
    do: 'Show the result',
    nothing: 'It gave nothing, or it was taken already.',
  },
  by: 'By',
  took: (duration: string) => `took ${duration}`,
  facts: {
    title: 'Facts',
    who: 'Who',
    what: 'Operation',
    stack: 'Stack',
    version: 'Version',
    versionOf: (version: number) => `v${version}`,
    began: 'Began',
    took: 'Took',
    running: 'Running for',
    id: 'Id',
  },
  failed: {
    failedTitle: 'It failed',
    deniedTitle: 'It was denied; nothing was changed',
    next: 'What to do next',
    rollback: (stack: string) => `Roll ${stack} back`,
    again: (stack: string) => `Deploy ${stack} again`,
    buildLog: (service: string) => `Build log of ${service}`,
    logs: (service: string) => `Logs of ${service}`,
    openStack: (stack: string) => `Open ${stack}`,
    keeps: 'Where a new release failed, the release before it goes on serving.',
  },
  targets: {
    title: 'Servers',
    progress: (done: number, count: number) => `${done} of ${count} done`,
    states: { waiting: 'Waiting', running: 'Under way', succeeded: 'Done', failed: 'Failed' },
    all: (count: number) => `Show all ${count} servers`,
    waiting: 'Has not reported yet',
  },
  plan: {
    title: 'Plan',
    hash: 'Plan hash',
    hashHint: 'What was confirmed is exactly this plan: the hash is computed over all of it.',
  },
  events: { title: 'What happened', none: 'No event yet.', more: 'All of its events' },
} as const;
