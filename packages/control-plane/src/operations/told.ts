/** What one server made of an operation, by its last report. */
import type { AgentState, Receipt } from '@mainstay/contract/agent-api';
import type { OperationTarget } from '@mainstay/contract/operation';
import type { ServerBrief } from '../servers/server-store.ts';
import type { OperationRow } from './operation-store.ts';

/** How a server stands to an operation, with the receipt that says so. */
export type Told = { state: OperationTarget['state']; message: string | null; hint: string | null; receipt?: Receipt };

export function toldBy(server: ServerBrief, reported: AgentState | null, row: OperationRow): Told {
  if (row.stack_id === null && row.version !== null) return ofServerState(server, reported, row.version);
  if (server.stack_id !== row.stack_id) return { state: 'failed', message: 'It was given another stack.', hint: null };
  const receipt = reported?.stack_id === row.stack_id ? reported?.receipt : null;
  // What asks for no version of its own, such as an assignment, is done by whichever version of the stack comes first.
  const version = row.version ?? receipt?.version ?? null;
  if (receipt && receipt.version === version)
    return { state: receipt.state, message: receipt.message, hint: receipt.hint, receipt };
  if (receipt && version !== null && receipt.version > version) {
    return { state: 'failed', message: `Version ${receipt.version} took its place before it was done.`, hint: null };
  }
  const refusal = reported?.refusal;
  const isOfThis = row.version === null ? (refusal?.at ?? 0) >= row.created_at : refusal?.version === row.version;
  if (refusal && isOfThis) {
    return { state: 'failed', message: `The server refused it: ${refusal.message}`, hint: null };
  }
  const message = server.online ? null : 'The server is offline; it will follow when it is back.';
  return { state: 'waiting', message, hint: null };
}

/** Progress of a server state, which no stack has a part in. */
function ofServerState({ online }: ServerBrief, reported: AgentState | null, version: number): Told {
  const receipt = reported?.server ?? null;
  if (receipt?.version === version) return { state: receipt.state, message: receipt.message, hint: receipt.hint };
  if (receipt && receipt.version > version)
    return { state: 'failed', message: `Version ${receipt.version} took its place before it was done.`, hint: null };
  const refusal = reported?.server_refusal;
  if (refusal?.version === version)
    return { state: 'failed', message: `The server refused it: ${refusal.message}`, hint: null };
  const message = online ? null : 'The server is offline; it will follow when it is back.';
  return { state: 'waiting', message, hint: null };
}
