/** Words of the keys that prove people. */
import type { PersonKeyView } from '@mainstay/contract/keeper-views';

const states: Record<PersonKeyView['state'], string> = {
  pending: 'Waits to be admitted',
  admitted: 'Admitted',
  revoked: 'Revoked',
};

export const keys = {
  states,
  impossible: 'This browser can keep no key for this address.',
  impossibleHint: 'Browsers keep keys for pages over HTTPS and on localhost only. Use the command line instead.',
  noKey: 'You have no key in this browser.',
  noKeyHint: 'Make one under Settings, Your keys.',
  otherHash: 'The control plane gives a hash that is not the one of the plan it shows; nothing was signed.',
  otherHashHint: 'Somebody may have changed what the control plane shows. Verify the audit before you go on.',
  notKept: 'This browser did not keep the key.',
  notKeptHint: 'A private window, or a setting that clears data of sites, forgets keys. Allow this site to keep data.',
  browserOn: (browser: string | undefined, system: string | undefined) =>
    `${browser ?? 'Browser'}${system ? ` on ${system}` : ''}`,
  open: 'Open your keys',
  lead: 'A key signs what you propose, confirm and approve, so that nobody can speak in your name: not even who takes over this server. Its private half never leaves this browser.',
  here: 'This browser',
  hereNone: 'No key in this browser yet',
  make: 'Make a key in this browser',
  makeAnew: 'Make a new key in this browser',
  firstHint:
    'The first key of all is an owner’s, and counts at once. Every other one is admitted by somebody whose key counts.',
  compare: 'Compare all of it with the person over another channel, such as the telephone, before you admit it.',
  pendingTitle: 'Your key in this browser waits to be admitted',
  pendingText:
    'Somebody whose key is admitted does it under Settings, Your keys: yourself on another device, or an owner or admin. Tell them this fingerprint.',
  revokedTitle: 'Your key in this browser was revoked',
  unknownTitle: 'The keeper does not know the key in this browser',
  all: 'Keys of all people',
  nameOf: (name: string, who: string) => `${who}, ${name}`,
  admitCommand: (id: string) => `mainstay keys admit ${id}`,
  none: 'Nobody has a key yet.',
  columns: { name: 'Key', state: 'State', since: 'Since' },
  admit: 'Admit',
  admitTitle: (name: string, who: string) => `Admit ${name} of ${who}`,
  admitText: (who: string) =>
    `What this key signs will count as the word of ${who}. This is signed with your key in this browser.`,
  admitAs: 'What this person may be when the key proves them',
  same: 'I have compared the fingerprint with the person',
  revoke: 'Revoke',
  revokeTitle: (name: string, who: string) => `Revoke ${name} of ${who}`,
  revokeText: 'What it signs counts no more, from now on and for good. This is signed with your key in this browser.',
  notTold: 'The keeper refused',
  firstUse: 'The first key, taken at its word',
} as const;
