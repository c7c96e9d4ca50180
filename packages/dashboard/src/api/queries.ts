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
  operations: ['operations.', 'secrets.', 'credentials.', 'stacks.'],
};

/** Marks what the topics concern as old; what is on the page is fetched again at once. */
export function invalidate(topics: readonly string[]): void {
  const beginnings = topics.flatMap((topic) => concerned[topic] ?? []);
  if (beginnings.length === 0) return;
  void queryClient.invalidateQueries({
    predicate: ({ queryKey: [id] }) =>
      typeof id === 'string' && beginnings.some((beginning) => id.startsWith(beginning)),
  });
}

export function invalidateAll(): void {
  void queryClient.invalidateQueries();
}
