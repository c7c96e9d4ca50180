/** Words of operations that wait for people: what they wait for, and what can be said. */
import type { Approval, Requirement, Role } from '@mainstay/contract/operation';

const roles: Record<Role, string> = {
  owner: 'an owner',
  admin: 'an admin or owner',
  deployer: 'a deployer or above',
  approver: 'an approver or above',
  viewer: 'anybody',
};

const proofs: Record<NonNullable<Requirement['proof']>, string> = {
  session: 'signed in on the dashboard',
  token: 'with an API token at least',
  signed: 'signed with a key of their own',
  signature: 'with a signed request',
  none: '',
};

const said: Record<Approval['verdict'], (who: string) => string> = {
  approve: (who) => `${who} approved it`,
  reject: (who) => `${who} rejected it`,
  confirm: (who) => `${who} confirmed it`,
};

export const waiting = {
  said,
  proofs,
  signedByYou: 'signed with a key of your own',
  people: (count: number, proposer: string) =>
    `${count === 1 ? 'One person' : `${count} people`} other than ${proposer} ${count === 1 ? 'approves' : 'approve'} it`,
  role: (role: Role) => `each ${roles[role]}`,
  roleOne: (role: Role) => roles[role],
  soFar: (done: number, count: number) => `${done} of ${count} so far`,
  confirms: (proposer: string) => `${proposer} confirms the plan`,
  confirmsYou: 'You confirm the plan',
  window: 'The maintenance window opens',
  windowOpen: 'The maintenance window is open',
  expires: (left: string) => `can be decided for another ${left}`,
  asked: 'Asked for by the rule',
  done: 'Done',
  open: 'Open',
  approve: 'Approve',
  reject: 'Reject',
  confirm: 'Sign and confirm',
  cancel: 'Take back',
  cancelOther: 'Cancel it',
  confirmTitle: 'Confirm exactly this plan',
  rejectTitle: 'Reject this operation',
  rejectReason: 'Why',
  rejectHint: 'Who proposed it reads this; it stays in the audit trail.',
  rejectDo: 'Reject it',
  reasonEmpty: 'Say why, in a few words.',
  cancelTitle: 'Take this operation back',
  cancelText: 'It has not begun; nothing was changed. To have it after all, it has to be proposed again.',
  cancelDo: 'Take it back',
  approveTitle: 'Approve exactly this plan',
  approveText: 'What you approve is bound to this plan by its hash. Another plan needs another approval.',
  approveReason: 'A word on it, if you like',
  approveDo: 'Approve',
  signedHint: 'Signed with your key in this browser.',
  signHint:
    'This takes a signature by a key of your own. Where you have none yet, it is made in this browser, and never leaves it.',
  cli: 'On a machine with the command line:',
  failed: 'That was refused',
  approvals: 'Said so far',
  withReason: (reason: string) => `“${reason}”`,
} as const;
