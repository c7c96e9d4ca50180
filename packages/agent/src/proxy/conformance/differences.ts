/**
 * What an adapter's data plane truly does otherwise, by name. A law that meets a difference demands what is left of it; none
 * of them lets a message be read in two ways, or an effect happen twice.
 */
export type Differences = {
  /** Unclear requests, by the names in smuggling-laws.ts, that are forwarded as the one message that they can mean. */
  rewritten_requests: ReadonlySet<string>;
  /** Unclear answers, by the paths in failure-laws.ts, likewise. */
  rewritten_answers: ReadonlySet<string>;
  /** Status of a request whose head is too large. */
  large_head_status: 431 | 400;
  /** Trailers are passed on whatever they are called; backends keep them apart from header fields. */
  passes_all_trailers: boolean;
  /** An absolute target whose authority is not the Host field is 400, instead of served by the authority. */
  refuses_other_authority: boolean;
  /** A client that was refused its `Expect: 100-continue` may still send the body, and the connection waits for it. */
  waits_for_refused_body: boolean;
  /** A request that found a used connection dead, and may not be repeated, is left to the client by closing its connection. */
  closes_where_connection_died: boolean;
  /** Requests that were held and are let go at once keep their order only within a thread of the proxy. */
  lets_go_by_thread: boolean;
};

/** The laws as they are. */
export const noDifferences: Differences = {
  rewritten_requests: new Set(),
  rewritten_answers: new Set(),
  large_head_status: 431,
  passes_all_trailers: false,
  refuses_other_authority: false,
  waits_for_refused_body: false,
  closes_where_connection_died: false,
  lets_go_by_thread: false,
};
