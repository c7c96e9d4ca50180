/**
 * What the workers of HAProxy are told and asked while they run. Those of before a reload take no command that names a server,
 * and need none: they send onward what comes late. What is open there is counted and cut by its session.
 */
import type { ProxyConfig, ProxyStatus } from '../proxy.ts';
import { backendName, type ConfigFiles, serverOptions } from './config-text.ts';
import type { MasterSocket } from './master-socket.ts';
import { numberOf, readStat, type StatRow } from './stat.ts';

/** Types of rows in the statistics: 0 frontend, 1 backend, 2 server. */
const ofService = (row: StatRow) => row['pxname']!.startsWith(backendName(''));
const isServer = (row: StatRow) => row['type'] === '2' && ofService(row);
const isBackend = (row: StatRow) => row['type'] === '1' && ofService(row);
const takesRequests = (row: StatRow) => !/^(MAINT|DRAIN)/.test(row['status']!);

export async function statOf(socket: MasterSocket, pid: number): Promise<StatRow[]> {
  return readStat(await socket.askWorker(pid, 'show stat'));
}

/** Commands that make the servers of a worker those that are wanted: the next takes requests before the last one ends to. */
export function serverCommands(rows: readonly StatRow[], services: ProxyConfig['services']): string[] {
  const commands: string[] = [];
  for (const { pxname } of rows.filter(isBackend)) {
    const service = pxname!.replace(/^svc:/, '');
    const active = services[service]?.active ?? null;
    const servers = rows.filter((row) => isServer(row) && row['pxname'] === pxname);
    if (active) {
      const name = `${backendName(service)}/${active.id}`;
      const there = servers.find((row) => row['svname'] === active.id);
      const addr = `127.0.0.1:${active.port}`;
      if (!there) commands.push(`add server ${name} ${addr} ${serverOptions}`);
      else if (there['addr'] !== addr) commands.push(`set server ${name} addr 127.0.0.1 port ${active.port}`);
      if (!there || !takesRequests(there)) commands.push(`set server ${name} state ready`);
    }
    for (const server of servers) {
      if (server['svname'] === active?.id || !takesRequests(server)) continue;
      commands.push(`set server ${pxname}/${server['svname']} state maint`);
    }
  }
  return commands;
}

/** Commands that take away servers which take nothing and have nothing open. */
export function removalCommands(rows: readonly StatRow[]): string[] {
  return rows
    .filter((row) => isServer(row) && row['status']!.startsWith('MAINT') && numberOf(row, 'scur') === 0)
    .map((row) => `del server ${row['pxname']}/${row['svname']}`);
}

/** Entries of a map in a worker, by key; null where its configuration has no such map, because it serves nothing. */
function readMap(text: string): Map<string, string> | null {
  const entries = new Map<string, string>();
  if (text.startsWith('Unknown map')) return null;
  for (const line of text.split('\n')) {
    const [, key, value] = /^0x[0-9a-f]+ (\S+) (.*)$/.exec(line) ?? [];
    if (key !== undefined) entries.set(key, value!);
  }
  return entries;
}

/** What a worker has now. */
type Seen = {
  /** Hash of the structure that it has loaded; null when it does not tell. */
  structure: string | null;
  held: Map<string, string> | null;
  releases: Map<string, string> | null;
  rows: StatRow[];
};

/** The hash of the structure in the answer to `show info`. */
export function structureIn(info: string): string | null {
  return /^Description: (\S*)$/im.exec(info)?.[1] ?? null;
}

export type Workers = {
  see(pid: number): Promise<Seen>;
  /** What a worker has to be told so that servers, holds and releases are those of the configuration; nothing when they are. */
  commands(seen: Seen, config: ProxyConfig): string[];
  /** Tells one worker which servers are active, which services are held, and which release a server is of. */
  tell(pid: number, config: ProxyConfig): Promise<void>;
  /** Takes away what is not needed any more. */
  tidy(pid: number, config: ProxyConfig): Promise<void>;
  count(pids: readonly number[]): Promise<Pick<ProxyStatus, 'in_flight' | 'waiting'>>;
  cut(pids: readonly number[], backend_id: string): Promise<void>;
};

export function createWorkers(socket: MasterSocket, files: ConfigFiles, warn: (message: string) => void): Workers {
  const run = async (pid: number, command: string): Promise<string> => {
    const answer = (await socket.askWorker(pid, command)).trim();
    // Answers in words are either of what was done or of what is wrong.
    if (answer !== '' && !/^(New server registered|Server deleted|.*changed from|no need to change)/i.test(answer)) {
      warn(`"${command}" was answered: ${answer.slice(0, 300)}`);
    }
    return answer;
  };

  const showMap = (file: string) => `show map ${file}`;

  const see = async (pid: number): Promise<Seen> => {
    const questions = ['show info', showMap(files.held), showMap(files.releases), 'show stat'];
    const [info = '', held = '', releases = '', stat = ''] = await socket.askWorkerAll(pid, questions);
    return { structure: structureIn(info), held: readMap(held), releases: readMap(releases), rows: readStat(stat) };
  };

  const commands = ({ held, releases, rows }: Seen, config: ProxyConfig): string[] => {
    const services = Object.entries(config.services);
    if (!held || !releases) return [];
    // What is held is held before anything else changes, and let go after it.
    return [
      ...services.flatMap(([name, service]) =>
        service.held && !held.has(name) ? [`add map ${files.held} ${name} 1`] : [],
      ),
      ...services.flatMap(([, { active }]) => {
        if (!active || releases.get(active.id) === active.release_id) return [];
        return [`${releases.has(active.id) ? 'set' : 'add'} map ${files.releases} ${active.id} ${active.release_id}`];
      }),
      ...serverCommands(rows, config.services),
      ...[...held.keys()].flatMap((name) => (config.services[name]?.held ? [] : [`del map ${files.held} ${name}`])),
    ];
  };

  return {
    see,
    commands,
    async tell(pid, config) {
      for (const command of commands(await see(pid), config)) await run(pid, command);
    },

    async tidy(pid, config) {
      const removals = removalCommands(await statOf(socket, pid));
      // A server with idle connections cannot be taken away yet; the next change tries again.
      for (const command of removals) await socket.askWorker(pid, command);
      const active = new Set(Object.values(config.services).map((service) => service.active?.id));
      const left = new Set((await statOf(socket, pid)).filter(isServer).map((row) => row['svname']));
      for (const id of readMap(await socket.askWorker(pid, showMap(files.releases)))?.keys() ?? []) {
        if (!active.has(id) && !left.has(id)) await run(pid, `del map ${files.releases} ${id}`);
      }
    },

    async count(pids) {
      const in_flight: Record<string, number> = {};
      const waiting: Record<string, number> = {};
      const add = (to: Record<string, number>, key: string, count: number) => {
        if (count > 0) to[key] = (to[key] ?? 0) + count;
      };
      for (const pid of pids) {
        for (const row of (await statOf(socket, pid)).filter(isServer)) {
          add(in_flight, row['svname']!, numberOf(row, 'scur'));
        }
        for (const line of (await socket.askWorker(pid, 'mainstay waiting')).split('\n')) {
          const [, service, count] = /^(\S+) (\d+)$/.exec(line) ?? [];
          if (service !== undefined) add(waiting, service, Number(count));
        }
      }
      return { in_flight, waiting };
    },

    async cut(pids, backend_id) {
      for (const pid of pids) {
        for (const line of (await socket.askWorker(pid, 'show sess')).split('\n')) {
          const [, session, server] = /^(0x[0-9a-f]+): .* srv=(\S+) /.exec(line) ?? [];
          if (session && server === backend_id) await socket.askWorker(pid, `shutdown session ${session}`);
        }
      }
    },
  };
}
