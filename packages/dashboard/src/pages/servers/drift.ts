/** What a server is to run against what it runs, in words. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import { servers } from '../../texts/servers.ts';
import type { Tone } from '../../ui/words.ts';

const texts = servers.drift;

export type Drift = { tone: Tone; text: string; more: string | null };

/** @param desired The stack's newest version; null while it has none, or the server has no stack. */
export function driftOf(server: ServerView, reported: AgentState | null, desired: number | null): Drift {
  const { stack, version: accepted, state } = server;
  const say = (tone: Tone, text: string, more: string | null = null): Drift => ({ tone, text, more });
  if (stack === null) return say('idle', texts.noStack);
  if (reported === null) return say('idle', texts.neverReported(stack));
  if (desired === null) return say('idle', texts.noVersion(stack));
  const { refusal, receipt } = reported;
  if (refusal && (refusal.version === null || refusal.version >= desired) && accepted !== desired) {
    const text = refusal.version === null ? texts.refusedSome : texts.refused(refusal.version);
    return say('bad', text, refusal.message);
  }
  const follows = state === 'online' ? texts.behindOnline : texts.behindOffline;
  if (accepted === null) return say('busy', texts.notAccepted(stack, desired), follows);
  if (accepted !== desired) {
    return say(state === 'online' ? 'busy' : 'warning', texts.behind(accepted, desired), follows);
  }
  if (receipt?.state === 'failed') return say('bad', texts.failed(accepted), receipt.message);
  if (receipt?.state === 'running') return say('busy', texts.underWay(accepted), receipt.message);
  return state === 'online' ? say('good', texts.converged(accepted)) : say('idle', texts.convergedBefore(accepted));
}
