/**
 * DNS queries a second over UDP, and what one costs its server: our responder beside dnsmasq, asked by the same client for
 * A records of 50 names, 64 at a time. The client takes a core of its own, so the cost of a query tells more than the rate.
 *
 * node tests/bench/names.bench.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as dns from 'dns-packet';

const host = '127.53.7.53';
const rounds = 3;
const round_ms = 3_000;
const at_once = 64;
const names = Array.from({ length: 50 }, (_, index) => `service-${index}.svc.internal`);

export type NamesFigures = { server: string; queries_per_s: number; cpu_us_per_query: number; rss_mb: number };

type Server = { server: string; port: number; argv: [string, ...string[]] };
const servers: Server[] = [
  {
    server: 'Mainstay',
    port: 37_980,
    argv: [process.execPath, fileURLToPath(new URL('./peers/dns-responder.ts', import.meta.url)), host, '37980'],
  },
  {
    server: 'dnsmasq',
    port: 37_981,
    argv: [
      'dnsmasq',
      '--conf-file=/dev/null',
      '--keep-in-foreground',
      '--no-resolv',
      '--no-hosts',
      '--pid-file',
      '--user=',
      '--bind-interfaces',
      '--port=37981',
      `--listen-address=${host}`,
      '--local=/svc.internal/',
      '--local-ttl=5',
      ...names.map((name) => `--host-record=${name},127.0.0.1`),
    ],
  },
];

export async function benchNames(): Promise<NamesFigures[]> {
  const figures: NamesFigures[][] = servers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, server] of servers.entries()) figures[index]?.push(await measure(server));
  }
  // The median round of each.
  return figures.flatMap((each) => each.sort((a, b) => a.queries_per_s - b.queries_per_s).at(rounds >> 1) ?? []);
}

async function measure({ server, port, argv: [file, ...args] }: Server): Promise<NamesFigures> {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    await load(port, 500);
    const before = cpuMs(child);
    const began = performance.now();
    const answers = await load(port, round_ms);
    const seconds = (performance.now() - began) / 1_000;
    return {
      server,
      queries_per_s: answers / seconds,
      cpu_us_per_query: ((cpuMs(child) - before) * 1_000) / answers,
      rss_mb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Asks for so long, with so many queries open; gives the number of right answers. Throws when one is wrong. */
function load(port: number, ms: number): Promise<number> {
  const queries = names.map((name) =>
    dns.encode({ type: 'query', id: 1, flags: dns.RECURSION_DESIRED, questions: [{ type: 'A', name }] }),
  );
  const socket = createSocket('udp4');
  let sent = 0;
  let answers = 0;
  let seen = 0;
  const ask = () => socket.send(queries[sent++ % queries.length] ?? '', port, host);
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      clearInterval(again);
      clearTimeout(timer);
      socket.close();
      finish();
    };
    const begin = () => {
      for (let i = 0; i < at_once; i++) ask();
    };
    // What was lost, as while the server starts, is asked again.
    const again = setInterval(() => {
      if (seen === answers) begin();
      seen = answers;
    }, 100);
    const timer = setTimeout(() => end(() => resolve(answers)), ms);
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      const is_right = (bytes.readUInt16BE(2) & 0xf) === 0 && bytes.readUInt16BE(6) === 1;
      if (!is_right) return end(() => reject(new Error('There was a wrong answer.')));
      answers += 1;
      ask();
    });
    begin();
  });
}

/** CPU time of a process so far (proc_stat(5)), in steps of 10 ms. */
function cpuMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function printNames(figures: NamesFigures[]): void {
  console.log('\nNames: DNS over UDP, A records of 50 names');
  console.table(
    figures.map(({ server, queries_per_s, cpu_us_per_query, rss_mb }) => ({
      server,
      'queries/s': Math.round(queries_per_s),
      'CPU of a query, µs': cpu_us_per_query.toFixed(1),
      'RSS, MB': Math.round(rss_mb),
    })),
  );
  const [ours, peer] = figures;
  if (ours && peer) console.log(`Mainstay answers ${(ours.queries_per_s / peer.queries_per_s).toFixed(2)} × dnsmasq`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printNames(await benchNames());
