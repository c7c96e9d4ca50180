/**
 * Acknowledgements of one turn of the event loop, written together: a handler that acks its message waits for the same write as
 * those that ended beside it.
 */

/** @param write Deletes these deliveries of a consumer; whoever acked one of them waits for it, and gets its error. */
export function createAcks(write: (consumer_id: number, seqs: readonly number[]) => Promise<unknown>) {
  const open = new Map<number, { seqs: number[]; written: Promise<unknown> }>();
  return async (consumer_id: number, seq: number): Promise<void> => {
    let round = open.get(consumer_id);
    if (!round) {
      const seqs: number[] = [];
      const turn = new Promise((resolve) => setImmediate(resolve));
      const written = turn.then(() => {
        open.delete(consumer_id);
        return write(consumer_id, seqs);
      });
      round = { seqs, written };
      open.set(consumer_id, round);
    }
    round.seqs.push(seq);
    await round.written;
  };
}
