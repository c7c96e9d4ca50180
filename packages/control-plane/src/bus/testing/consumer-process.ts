/**
 * A process with a consumer of its own, for tests that kill it: `consumer-process.ts DATABASE RESULTS HANG_AFTER`. It writes a line
 * to RESULTS for each message that it handles, before the ack; after HANG_AFTER of them it says so and handles the next one for ever.
 */
import { appendFileSync } from 'node:fs';
import { silentLogger, systemClock } from '@mainstay/runtime';
import { conformance_streams } from '../conformance/streams.ts';
import { startConsumer } from '../consume.ts';
import { openBus } from './fixture.ts';

const [database, results, hang_after] = process.argv.slice(2);
if (!database || !results || !hang_after) throw new Error('usage: consumer-process.ts DATABASE RESULTS HANG_AFTER');
const { bus } = await openBus(database, conformance_streams, systemClock);
let handled = 0;
await startConsumer({
  bus,
  log: silentLogger(),
  stream: 'work',
  consumer: 'worker',
  subjects: ['work.*'],
  max_in_flight: 4,
  ack_wait_ms: 600_000,
  handle: async ({ id }) => {
    if (handled >= Number(hang_after)) {
      appendFileSync(results, `hangs ${id}\n`);
      return new Promise(() => {});
    }
    handled += 1;
    appendFileSync(results, `did ${id}\n`);
    return 'ack';
  },
});
