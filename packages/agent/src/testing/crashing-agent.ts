/**
 * An agent that ends itself with SIGKILL at the n-th moment before or after a write to its journal: what a test of recovery
 * starts as a process of its own. `node crashing-agent.ts <options as JSON> <n, or 0 for never>`
 */
import { silentLogger } from '@mainstay/runtime/log';
import { type AgentOptions, createAgent } from '../agent.ts';

const [options = '{}', crash_at = '0'] = process.argv.slice(2);
let moments = 0;
const agent = createAgent({
  ...(JSON.parse(options) as Omit<AgentOptions, 'log'>),
  log: silentLogger(),
  onJournalWrite: () => {
    if (++moments === Number(crash_at)) process.kill(process.pid, 'SIGKILL');
  },
});
process.on('SIGTERM', () => void agent.stop({ services: false }).then(() => process.exit(0)));
await agent.start();
