/**
 * What is asked of this server, fetched and answered (ADR 0031). It is called when the poll for the desired state says that something is asked.
 * Only what the closed list of the contract names is answered, whatever else the control plane sends is refused, and no answer changes anything:
 * every change comes signed, another way.
 */
import { InquiriesResponse, Inquiry } from '@mainstay/contract/agent-answers';
import type { InquiryAnswer } from '@mainstay/contract/diagnosis';
import { AppError } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import type { LinkClient } from './http.ts';

/** Kinds of questions that are answered, as heartbeats tell them. */
export const answered_kinds = ['diagnose'] as const;

/** Gives the answer. `offset_ms`: by how much this server's clock is ahead of the control plane's. Throws AppError where there is none. */
export type AnswerInquiry = (inquiry: Inquiry, offset_ms: number) => Promise<Answered>;
type Outcome = InquiryAnswer['outcome'];
type Answered = Extract<Outcome, { ok: true }>['diagnosis'];

export type Inquiries = {
  /** Something is asked. */
  look(): void;
  /** Resolves when nothing of it is under way. */
  stop(): Promise<void>;
};

export function createInquiries(options: {
  client: LinkClient;
  clock: Clock;
  log: Logger;
  answer: AnswerInquiry;
}): Inquiries {
  const { client, clock, log, answer } = options;
  const ending = new AbortController();
  const { signal } = ending;
  let again = false;
  let working: Promise<void> | null = null;

  const outcomeOf = async (asked: unknown, offset_ms: number): Promise<Outcome> => {
    const inquiry = Inquiry.safeParse(asked);
    if (!inquiry.success) {
      log.warn({}, 'something was asked that this agent does not answer');
      const message = 'This agent does not answer that: it tells how the server is, and nothing else.';
      return { ok: false, code: 'InvalidInput', message, hint: 'A newer agent may.', field: null };
    }
    try {
      return { ok: true, diagnosis: await answer(inquiry.data, offset_ms) };
    } catch (error) {
      const { code, message, hint = null, field = null } = appErrorOf(error);
      return { ok: false, code, message: message.slice(0, 1_000), hint: hint?.slice(0, 2_000) ?? null, field };
    }
  };

  const exchange = async () => {
    const began = performance.now();
    const { body } = await client.send({ method: 'POST', path: '/agent/v1/inquiries', body: {}, signal });
    const round_trip_ms = performance.now() - began;
    const { inquiries, time_ms } = InquiriesResponse.parse(body);
    const offset_ms = Math.round(clock.now() - round_trip_ms / 2 - time_ms);
    for (const asked of inquiries) {
      const outcome = await outcomeOf(asked, offset_ms);
      await client.send({ method: 'POST', path: '/agent/v1/answers', body: { id: asked.id, outcome }, signal });
    }
  };

  const work = async () => {
    while (again && !signal.aborted) {
      again = false;
      // Whoever asked is told that there was no answer, and asks again.
      await exchange().catch((error: Error) => log.debug({ reason: error.message }, 'an inquiry was not answered'));
    }
  };

  return {
    look() {
      again = true;
      working ??= work().finally(() => {
        working = null;
      });
    },
    async stop() {
      ending.abort();
      await working;
    },
  };
}

function appErrorOf(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('Internal', `The server could not be looked at: ${(error as Error).message}`);
}
