/** The two requests of the agent API by which a server learns what is asked of it, and answers (ADR 0031). */
import type { InquiriesResponse } from '@mainstay/contract/agent-answers';
import { diagnosisLimits, InquiryAnswer } from '@mainstay/contract/diagnosis';
import { invalidInput } from '@mainstay/contract/errors';
import { Hono } from 'hono';
import type * as z from 'zod';
import type { Context } from '../context.ts';
import { jsonBody } from '../gateway/request-input.ts';
import type { ServerRow } from './server-store.ts';

/** Room for what stands around a diagnosis. */
const answer_bytes_max = diagnosisLimits.answer_bytes_max + 1_024;

export function inquiryRoutes({ inquiries, clock }: Context, serverOf: (request: Request) => Promise<ServerRow>): Hono {
  const app = new Hono();
  app.post('/inquiries', async ({ req }) => {
    const { id } = await serverOf(req.raw);
    const answer: z.input<typeof InquiriesResponse> = { inquiries: inquiries.fetch(id), time_ms: clock.now() };
    return Response.json(answer);
  });
  app.post('/answers', async ({ req }) => {
    const { id } = await serverOf(req.raw);
    const parsed = InquiryAnswer.safeParse(await jsonBody(req.raw, answer_bytes_max));
    if (!parsed.success) throw invalidInput(parsed.error);
    return Response.json({ taken: inquiries.settle(id, parsed.data) });
  });
  return app;
}
