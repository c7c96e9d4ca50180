/** The operations whose commands do more than to call them. */
import type { OperationId } from '@mainstay/contract/operations/index';
import { admitKeyCommand, registerKeyCommand, revokeKeyCommand } from './commands/keys.ts';
import { labelsOption } from './commands/labels-option.ts';
import { testPoliciesCommand } from './commands/policy-test.ts';
import { labelServerCommand } from './commands/server-label.ts';
import { verifyLedgerCommand } from './commands/verify-ledger.ts';
import { listOperationsCommand } from './commands/waiting.ts';
import { approveCommand, cancelCommand, confirmCommand, rejectCommand } from './commands/words.ts';
import type { OwnCommand } from './own-command.ts';

export const ownCommands: { readonly [Id in OperationId]?: OwnCommand } = {
  'operations.list': listOperationsCommand,
  'operations.get': { alias: 'show' },
  'operations.approve': approveCommand,
  'operations.reject': rejectCommand,
  'operations.confirm': confirmCommand,
  'operations.cancel': cancelCommand,
  'policies.test': testPoliciesCommand,
  'keys.register': registerKeyCommand,
  'keys.admit': admitKeyCommand,
  'keys.revoke': revokeKeyCommand,
  'keeper.verify_ledger': verifyLedgerCommand,
  'servers.label': labelServerCommand,
  'servers.update_agents': labelsOption('only servers that have this label'),
  'servers.invite': labelsOption('label that the server is to have'),
  'servers.get': { alias: 'show' },
  'runs.get': { alias: 'show' },
};
