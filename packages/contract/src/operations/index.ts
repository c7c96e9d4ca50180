/** The whole contract: every operation by its id, in the order in which the references list them. */
import type { Operation } from '../operation.ts';
import {
  createSignInLink,
  createToken,
  createUser,
  endSession,
  listSessions,
  listTokens,
  listUsers,
  removeUser,
  revokeToken,
  setRole,
} from './access.ts';
import { updateAgents } from './agent-updates.ts';
import { approveOperation, cancelOperation, collectResult, confirmOperation, rejectOperation } from './approvals.ts';
import { getAuditHead, listAudit, verifyAudit } from './audit.ts';
import { diagnoseServer } from './diagnosis.ts';
import {
  admitKey,
  getPolicies,
  listKeys,
  listSigningKeys,
  readLedger,
  registerKey,
  revokeKey,
  revokeSigningKey,
  rotateSigningKey,
  testPolicies,
  verifyLedger,
} from './keeper.ts';
import {
  cancelRun,
  getRun,
  listRunEvents,
  listRuns,
  listSchedules,
  listTasks,
  pauseRun,
  resumeRun,
  retryRun,
} from './runs.ts';
import {
  createDeployKey,
  listCredentials,
  listSecrets,
  removeCredential,
  removeSecret,
  setSecret,
  setToken,
} from './secrets.ts';
import { labelServer } from './server-labels.ts';
import {
  assignServer,
  drainServer,
  getServer,
  inviteServer,
  listServers,
  removeServer,
  removeServerTunnel,
  setServerFirewall,
  setServerTunnel,
  undrainServer,
  updateServerAgent,
} from './servers.ts';
import { listServices } from './services.ts';
import { inspectSource, listSourceRefs } from './sources.ts';
import {
  applyStack,
  deployStack,
  enableWebhook,
  exportStack,
  getStack,
  listStacks,
  listStackVersions,
  pauseStack,
  removeStack,
  resumeStack,
  rollbackStack,
} from './stacks.ts';
import { getHealth, whoAmI } from './system.ts';
import { getServerUsage, getServiceUsage } from './usage.ts';
import { getOperation, listEvents, listLogs, listOperations } from './watch.ts';

const all = [
  listStacks,
  getStack,
  exportStack,
  applyStack,
  deployStack,
  rollbackStack,
  pauseStack,
  resumeStack,
  removeStack,
  listStackVersions,
  enableWebhook,
  listServices,
  getServiceUsage,
  listSourceRefs,
  inspectSource,
  listServers,
  getServer,
  getServerUsage,
  diagnoseServer,
  inviteServer,
  assignServer,
  setServerFirewall,
  setServerTunnel,
  removeServerTunnel,
  updateServerAgent,
  updateAgents,
  drainServer,
  undrainServer,
  labelServer,
  removeServer,
  listSecrets,
  setSecret,
  removeSecret,
  listCredentials,
  createDeployKey,
  setToken,
  removeCredential,
  listEvents,
  listLogs,
  listOperations,
  getOperation,
  approveOperation,
  rejectOperation,
  confirmOperation,
  cancelOperation,
  collectResult,
  getPolicies,
  testPolicies,
  listKeys,
  registerKey,
  admitKey,
  revokeKey,
  listSigningKeys,
  rotateSigningKey,
  revokeSigningKey,
  readLedger,
  verifyLedger,
  listAudit,
  getAuditHead,
  verifyAudit,
  listRuns,
  getRun,
  listRunEvents,
  listTasks,
  cancelRun,
  pauseRun,
  resumeRun,
  retryRun,
  listSchedules,
  getHealth,
  whoAmI,
  createSignInLink,
  listUsers,
  createUser,
  setRole,
  removeUser,
  listSessions,
  endSession,
  listTokens,
  createToken,
  revokeToken,
] as const;

type All = (typeof all)[number];
export type OperationId = All['id'];
export type OperationById = { [Id in OperationId]: Extract<All, { id: Id }> };

/** Every operation, keyed by its id. */
export const operations = Object.fromEntries(
  all.map((operation) => [operation.id, operation]),
) as unknown as OperationById;

/** The same as a list, with the types of inputs and outputs widened. */
export const operationList: readonly (Operation & { id: OperationId })[] = all as unknown as readonly (Operation & {
  id: OperationId;
})[];
