/** Asks one server how it is, and says plainly why it does not answer where it does not. */
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import { type Handler, reads } from '../operations/handlers.ts';
import { getServerRow, reportedState } from './server-store.ts';

export const diagnosisHandlers: Handler[] = [
  reads(operations['servers.diagnose'], async (context, { server: name, unit = null, lines }, { signal }) => {
    const { store, clock, inquiries } = context;
    const row = await getServerRow(store, name);
    const reported = await reportedState(store, row);
    if (!row.enrolled_at || !reported) {
      throw new AppError('Conflict', `Server "${name}" has not reported yet, so it cannot be asked.`, {
        field: 'server',
        hint: 'Run the line of its invitation on it; `mainstay servers invite` makes a new one.',
      });
    }
    if (!row.online) {
      throw new AppError('Unavailable', `Server "${name}" is offline: ${lastSeen(row.last_seen_at, clock.now())}.`, {
        field: 'server',
        hint: 'It cannot be asked until it dials in again. What it reported last: `mainstay servers get`. On the server itself: mainstay-agent doctor',
      });
    }
    if (!reported.answers.includes('diagnose')) {
      throw new AppError('Conflict', `The agent of "${name}", ${reported.agent_version}, is too old to be asked.`, {
        field: 'server',
        hint: `Update it first: mainstay servers update-agent ${name}`,
      });
    }
    const asked_at = clock.now();
    const outcome = await inquiries.ask(row.id, { kind: 'diagnose', unit, lines }, signal);
    if (outcome === null) {
      throw new AppError(
        'Unavailable',
        `Server "${name}" did not answer within 10 s, though it reported not long ago (${lastSeen(row.last_seen_at, clock.now())}).`,
        { field: 'server', hint: 'Ask again; where it stays so, look on the server itself: mainstay-agent doctor' },
      );
    }
    if (outcome.ok) return { server: name, asked_at, diagnosis: outcome.diagnosis };
    const { code, message, hint, field } = outcome;
    // An agent may say why it has no answer, and nothing else: its word is not one on who is signed in, or on this control plane.
    throw new AppError(code === 'NotFound' ? 'NotFound' : 'Unavailable', message, {
      ...(hint === null ? {} : { hint }),
      field: field ?? 'server',
    });
  }),
];

function lastSeen(at: number | null, now: number): string {
  if (at === null) return 'it was never seen';
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  const ago =
    seconds < 120
      ? `${seconds} s`
      : seconds < 7_200
        ? `${Math.round(seconds / 60)} min`
        : `${Math.round(seconds / 3_600)} h`;
  return `last seen ${ago} ago, at ${new Date(at).toISOString().slice(0, 19)}Z`;
}
