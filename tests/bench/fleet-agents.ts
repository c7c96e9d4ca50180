/** Many simulated agents in one process: reads `{ url, tokens }` from stdin, enrols them, tells its counts every second. */
import { createSimulatedAgent } from '@mainstay/agent/sim/simulated-agent';

const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
const { url, tokens } = JSON.parse(Buffer.concat(chunks).toString()) as { url: string; tokens: string[] };
const agents = tokens.map((token) => createSimulatedAgent({ url, token }));
const waiting = [...agents];
await Promise.all(
  Array.from({ length: 20 }, async () => {
    for (let agent = waiting.shift(); agent; agent = waiting.shift()) await agent.start();
  }),
);
const sum = (name: keyof (typeof agents)[number]['counts']) =>
  agents.reduce((total, agent) => total + agent.counts[name], 0);
setInterval(() => {
  const counts = {
    heartbeats: sum('heartbeats'),
    accepted: sum('accepted'),
    refused: sum('refused'),
    failed_requests: sum('failed_requests'),
  };
  process.stdout.write(`${JSON.stringify(counts)}\n`);
}, 1000);
process.on('SIGTERM', () => process.exit(0));
