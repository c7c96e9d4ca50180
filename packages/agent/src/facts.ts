/** What the agent tells of its server: facts that do not change while it runs, and how busy the server is. */
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import * as os from 'node:os';
import type { AgentState, ServerFacts } from '@mainstay/contract/agent-api';

export const agent_version = process.env['MAINSTAY_VERSION'] ?? '0.1.0';

export function serverFacts(supervisor: ServerFacts['supervisor'], proxy: ServerFacts['proxy']): ServerFacts {
  return {
    hostname: os.hostname().slice(0, 255),
    os: osName().slice(0, 255),
    kernel: os.release().slice(0, 255),
    arch: os.arch(),
    cpus: Math.max(1, os.cpus().length),
    memory_bytes: os.totalmem(),
    supervisor,
    proxy,
  };
}

export async function serverUsage(home: string): Promise<AgentState['usage']> {
  const { blocks, bavail, bsize } = await statfs(home);
  return {
    load1: os.loadavg()[0] ?? 0,
    memory_used_bytes: os.totalmem() - os.freemem(),
    disk_used_bytes: (blocks - bavail) * bsize,
    disk_total_bytes: blocks * bsize,
    agent_rss_bytes: process.memoryUsage.rss(),
  };
}

/** PRETTY_NAME of os-release(5). */
function osName(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name ?? os.type();
  } catch {
    return os.type();
  }
}
