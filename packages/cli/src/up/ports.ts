/** Whether a port is free, and who has it when it is not: proc(5), as far as this user may look. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { AppError } from '@mainstay/contract/errors';

export type PortHolder = { pid: number; command: string };

/** Throws Conflict, naming who has the port and the option that chooses another, unless `isOurs` says it may be taken. */
export async function checkPort(
  port: number,
  host: string,
  options: { field: string; option: string; isOurs?: (holder: PortHolder) => boolean },
): Promise<void> {
  const code = await tryToListen(port, host);
  if (code === null) return;
  const { field } = options;
  if (code === 'EADDRINUSE') {
    const holder = portHolder(port);
    if (holder && options.isOurs?.(holder)) return;
    const by = holder ? ` by process ${holder.pid} (${holder.command.slice(0, 120)})` : ' by another program';
    throw new AppError('Conflict', `Port ${port} is taken${by}.`, {
      field,
      hint: `Stop that program, or choose another port, such as: ${options.option} ${port < 65_000 ? port + 10 : port - 10}`,
    });
  }
  const reasons: Record<string, string> = {
    EACCES: `Port ${port} may not be opened by this user.`,
    EADDRNOTAVAIL: `This machine has no address ${host}.`,
  };
  throw new AppError('InvalidInput', reasons[code] ?? `Cannot listen on ${host}:${port} (${code}).`, {
    field,
    hint: `Choose another with ${options.option}.`,
  });
}

/** Null when it could be listened on, and the error code otherwise. */
function tryToListen(port: number, host: string): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** A port of loopback that is free now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

export async function isFree(port: number): Promise<boolean> {
  return (await tryToListen(port, '127.0.0.1')) === null;
}

/** The process that listens on a TCP port; null when that cannot be seen. */
export function portHolder(port: number): PortHolder | null {
  try {
    const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(table, port)));
    if (inodes.size === 0) return null;
    for (const pid of readdirSync('/proc')) {
      if (/^\d+$/.test(pid) && holdsSocket(pid, inodes)) {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return { pid: Number(pid), command };
      }
    }
  } catch {
    // No /proc here: the holder is not known.
  }
  return null;
}

function listeningInodes(table: string, port: number): string[] {
  const listening = '0A';
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync(`/proc/net/${table}`, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listening && fields[1]?.endsWith(wanted))
    .map((fields) => `socket:[${fields[9]}]`);
}

function holdsSocket(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(readLink(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
