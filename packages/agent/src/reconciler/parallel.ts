/** Bounded parallel work that ends as a whole: the first failure aborts the rest, and is thrown once all have ended. */
export async function inParallel<T>(
  items: readonly T[],
  at_once: number,
  outer: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  outer.throwIfAborted();
  const failing = new AbortController();
  const signal = AbortSignal.any([outer, failing.signal]);
  const queue = [...items];
  let failure: { error: unknown } | null = null;
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined && !signal.aborted; item = queue.shift()) {
      try {
        await work(item, signal);
      } catch (error) {
        failure ??= { error };
        failing.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(at_once, items.length) }, worker));
  outer.throwIfAborted();
  if (failure) throw (failure as { error: unknown }).error;
}
