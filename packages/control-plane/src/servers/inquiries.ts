/**
 * What people ask to see of a server now, on its way to the agent and back (ADR 0031). Agents dial out only: the poll that waits is told that
 * something is asked, the agent fetches it and posts the answer. Nothing of it is stored, and nothing that changes anything goes this way; a
 * question that nobody answers in time, or that a restart of the control plane cuts off, is asked again by whoever still wants to know.
 */
import type { Inquiry } from '@mainstay/contract/agent-answers';
import { diagnosisLimits, type InquiryAnswer } from '@mainstay/contract/diagnosis';
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import type { Clock } from '@mainstay/runtime';
import type { Signals } from '../signals.ts';

/** Open questions, to one server and altogether. */
const per_server_max = 4;
const open_max = 200;

type Outcome = InquiryAnswer['outcome'];
type Open = { server_id: string; inquiry: Inquiry; handed_out: boolean; resolve: (outcome: Outcome | null) => void };

export type Inquiries = {
  /**
   * Asks a server, and gives what it answers; null when there is no answer in time, or nobody waits for it any more.
   * Throws AppError `RateLimited` when too much is asked already.
   */
  ask(server_id: string, question: Omit<Inquiry, 'id'>, signal: AbortSignal): Promise<Outcome | null>;
  /** Whether something is asked that the server has not fetched. */
  areWaiting(server_id: string): boolean;
  /** What is asked and was not fetched yet; each is given once. */
  fetch(server_id: string): Inquiry[];
  /** Takes an answer; false when nobody waits for it, which an answer to a question of another server is told as well. */
  settle(server_id: string, answer: InquiryAnswer): boolean;
};

export function createInquiries({ clock, signals }: { clock: Clock; signals: Signals }): Inquiries {
  const open = new Map<string, Open>();
  const ofServer = (server_id: string) => [...open.values()].filter((one) => one.server_id === server_id);

  return {
    async ask(server_id, question, signal) {
      if (open.size >= open_max || ofServer(server_id).length >= per_server_max)
        throw new AppError('RateLimited', 'This server is being asked by others already.', {
          hint: 'Wait a few seconds, and ask again.',
        });
      const id = newId('inquiry', clock.now());
      const waiting = AbortSignal.any([signal, signals.ended, AbortSignal.timeout(diagnosisLimits.wait_ms_max)]);
      const { promise, resolve } = Promise.withResolvers<Outcome | null>();
      const giveUp = () => resolve(null);
      waiting.addEventListener('abort', giveUp, { once: true });
      if (waiting.aborted) giveUp();
      open.set(id, { server_id, inquiry: { id, ...question }, handed_out: false, resolve });
      signals.notify(`desired:${server_id}`);
      try {
        return await promise;
      } finally {
        waiting.removeEventListener('abort', giveUp);
        open.delete(id);
      }
    },
    areWaiting: (server_id) => ofServer(server_id).some((one) => !one.handed_out),
    fetch(server_id) {
      const fresh = ofServer(server_id).filter((one) => !one.handed_out);
      for (const one of fresh) one.handed_out = true;
      return fresh.map(({ inquiry }) => inquiry);
    },
    settle(server_id, { id, outcome }) {
      const asked = open.get(id);
      if (asked?.server_id !== server_id) return false;
      asked.resolve(outcome);
      return true;
    },
  };
}
