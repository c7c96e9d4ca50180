/**
 * `npm run bench`: every figure that Mainstay holds itself to, peers beside it in the same run.
 *
 *   npm run bench                      all of them
 *   npm run bench -- deploy idle       some of: proxy, deploy, idle, fleet, bus, orchestrator, audit, names, verify
 */
import { cpus, totalmem } from 'node:os';
import { benchAudit, printAudit } from './audit.bench.ts';
import { benchBus, printBus } from './bus.bench.ts';
import { benchDeploy, printDeploy } from './deploy.bench.ts';
import { benchFleet, printFleet } from './fleet.bench.ts';
import { benchIdle, printIdle } from './idle.bench.ts';
import { benchNames, printNames } from './names.bench.ts';
import { benchOrchestrator, printOrchestrator } from './orchestrator.bench.ts';
import { benchProxy, printProxy } from './proxy.bench.ts';
import { benchVerify, printVerify } from './verify.bench.ts';

const parts: Record<string, () => Promise<void>> = {
  proxy: async () => printProxy(await benchProxy()),
  deploy: async () => printDeploy(await benchDeploy()),
  idle: async () => printIdle(await benchIdle()),
  fleet: async () => printFleet(await benchFleet()),
  bus: async () => printBus(await benchBus()),
  orchestrator: async () => printOrchestrator(await benchOrchestrator()),
  audit: async () => printAudit(await benchAudit()),
  names: async () => printNames(await benchNames()),
  verify: async () => printVerify(await benchVerify()),
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(name in parts));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}"; there are: ${Object.keys(parts).join(', ')}.`);
  process.exit(2);
}
const memory_gib = Math.round(totalmem() / 1024 ** 3);
console.log(
  `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), ${memory_gib} GiB, ${new Date().toISOString().slice(0, 10)}`,
);
for (const [name, run] of Object.entries(parts)) {
  if (asked.length === 0 || asked.includes(name)) await run();
}
