/** What HAProxy 2.6 does otherwise than the laws of the port say, and why nothing here changes it. */
import { type Differences, noDifferences } from './differences.ts';

export const haproxyDifferences: Differences = {
  ...noDifferences,
  // Its parser reads these in the way that RFC 9112 allows a recipient, and writes the message anew, framed once; no rule
  // sees the message as it came.
  rewritten_requests: new Set([
    'Content-Length beside Transfer-Encoding',
    'Transfer-Encoding beside Content-Length',
    'two Content-Lengths that agree',
    'a list of Content-Lengths',
    'a folded line',
    'a folded Transfer-Encoding',
    'bare line feeds',
    'a bare line feed in the head',
    'a NUL in a value',
    'a chunk line that ends with a bare line feed',
  ]),
  // The same parser reads answers.
  rewritten_answers: new Set(['/both', '/folded', '/feed']),
  // A head that does not fit the buffer is one more invalid request to it.
  large_head_status: 400,
  // No rule of 2.6 reaches trailers.
  passes_all_trailers: true,
  // Its parser refuses them before any rule; RFC 9112 would have the proxy put the authority into Host.
  refuses_other_authority: true,
  // It is right to: RFC 9110, 10.1.1 lets the client send the body all the same.
  waits_for_refused_body: true,
  // It tells a client to repeat by closing, as a server does that times out (RFC 9112, 9.3.1), and sends nothing twice itself.
  closes_where_connection_died: true,
  // A connection belongs to one of its threads, and nothing but a pause would make one thread's connect wait for another's.
  lets_go_by_thread: true,
};
