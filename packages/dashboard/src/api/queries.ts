/**
 * Reads as queries, changes as mutations, keyed by operation and input. A query is fetched anew when a topic of the live
 * stream says that something of its noun changed; which topics concern which operation stands here, once.
 */
import { AppError, isRetryable } from '@mainstay/contract/app-error';
import type { OperationId } from '@mainstay/contract/operations/index';
import { keepPreviousData, QueryClient, queryOptions, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { call, type Input, type Output } from './client.ts';

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The live stream says when data is old; a minute is for what has no topic.
      staleTime: 60_000,
      gcTime: 10 * 60_000,
      refetchOnWindowFocus: false,
      retry: (count, error) =>
        count < 2 && error instanceof AppError && isRetryable(error.code) && !isSourceError(error),
      retryDelay: (count) => 500 * 2 ** count,
    },
  },
});

/** A repository that cannot be reached will not be reached a second later; the person is told at once. */
function isSourceError(error: AppError): boolean {
  return error.code === 'SourceUnavailable';
}

/** The query of a read, to be used with `useQuery`, `useQueries` or `queryClient.fetchQuery`. */
export function readOptions<Id extends OperationId>(id: Id, input: Input<Id>) {
  return queryOptions<Output<Id>, AppError>({
    queryKey: [id, input],
    queryFn: ({ signal }) => call(id, input, { signal }),
  });
}

export type ReadOptions = {
  enabled?: boolean;
  /** Keeps showing the answer to the previous input while the next is fetched. */
  keep?: boolean;
  /** Milliseconds between fetches, for what the live stream does not tell of. */
  every_ms?: number;
};

/** Reads an operation and keeps it fresh. */
export function useRead<Id extends OperationId>(
  id: Id,
  input: Input<Id>,
  { enabled = true, keep = false, every_ms }: ReadOptions = {},
): UseQueryResult<Output<Id>, AppError> {
  return useQuery({
    ...readOptions(id, input),
    enabled,
    ...(every_ms === undefined ? {} : { refetchInterval: every_ms }),
    ...(keep ? { placeholderData: keepPreviousData } : {}),
  }) as UseQueryResult<Output<Id>, AppError>;
}

/** Beginnings of operation ids, by the topic that makes them old. `logs:<stack>` is for the log reader, not for queries. */
const concerned: Record<string, readonly string[]> = {
  stacks: ['stacks.'],
  servers: ['servers.list', 'servers.get'],
  services: ['services.list'],
  events: ['events.'],
  operations: ['operations.', 'secrets.', 'credentials.', 'stacks.', 'audit.list', 'audit.head'],
  access: ['access.', 'system.whoami', 'keys.', 'audit.list', 'audit.head'],
  runs: ['runs.', 'audit.list', 'audit.head'],
};

/** Where much happens, topics come ten times a second; what is on the page is fetched again at most this often. */
const apart_ms = 500;
/** A fetch that is under way is let come to its end, but not waited for any longer than this. */
const patience_ms = 5_000;

const waiting = new Set<string>();
let waiting_since = 0;
let fetched_at = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Marks what the topics concern as old; what is on the page is fetched again, the first time at once. */
export function invalidate(topics: readonly string[]): void {
  const beginnings = topics.flatMap((topic) => concerned[topic] ?? []);
  if (beginnings.length === 0) return;
  if (waiting.size === 0) waiting_since = Date.now();
  for (const beginning of beginnings) waiting.add(beginning);
  if (timer === undefined) fetchWaiting();
}

function fetchWaiting(): void {
  clearTimeout(timer);
  timer = undefined;
  if (waiting.size === 0) return;
  const now = Date.now();
  const beginnings = [...waiting];
  const predicate = ({ queryKey: [id] }: { queryKey: readonly unknown[] }) =>
    typeof id === 'string' && beginnings.some((beginning) => id.startsWith(beginning));
  // To begin a fetch anew before it has answered, again and again, would be never to have an answer.
  const isTooEarly = now - fetched_at < apart_ms || queryClient.isFetching({ predicate }) > 0;
  if (isTooEarly && now - waiting_since < patience_ms) {
    timer = setTimeout(fetchWaiting, Math.max(100, fetched_at + apart_ms - now));
    return;
  }
  fetched_at = now;
  void queryClient.invalidateQueries({ predicate });
  waiting.clear();
}

/** Everything but plans under review: the one that was confirmed a moment ago could not be made any more. */
export function invalidateAll(): void {
  void queryClient.invalidateQueries({ predicate: ({ queryKey: [id] }) => id !== 'plan' });
}
