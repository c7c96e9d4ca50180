/**
 * Groups of local hosts: real Debian (or Ubuntu) servers booted on this machine, for tests and for environments of the `local`
 * provider. A group has a name, a network of its own and hosts h1, h2, …; it is kept as files below the state folder and
 * outlives the process that made it.
 *
 * Law: whatever is made carries the group's index or lies in its folder, so that `down` removes all of it, and nothing else,
 * also after a crash in the middle of making it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/app-error';
import { createContainer } from './container.ts';
import { withFileLock } from './file-lock.ts';
import type { HostRecord } from './host.ts';
import { imageOf } from './image.ts';
import { createLocalHost, type LocalHost } from './local-host.ts';
import { type HostKind, missingFor, prepareMachine, restoreMachine } from './machine.ts';
import { addressOf, freeIndex, type GroupNetwork, hosts_max, makeNetwork, networkOf } from './network.ts';
import { removeGroup } from './removal.ts';
import { eachBounded } from './run.ts';
import { createVirtualMachine, image_disk_mb } from './virtual-machine.ts';

export type HostRequest = {
  /** Lower-case letters, digits and dashes. By default h1, h2, … */
  name?: string;
  /** `container` (default): up in a second. `vm`: a kernel of its own, limits that hold, Docker, a clock; some 15 s. */
  kind?: HostKind;
  /** Debian packages beside the base ones. Each list is an image of its own, made once. */
  packages?: readonly string[];
  /** Memory of a virtual machine (1024); containers share the machine's. */
  memory_mb?: number;
  /** Size of the disk (8192); only what is written takes room on the machine. */
  disk_mb?: number;
};

export type HostGroup = {
  readonly name: string;
  readonly network: GroupNetwork;
  /** All hosts, by number. */
  hosts(): LocalHost[];
  /** Throws NotFound when there is no such host. */
  host(name: string): LocalHost;
  /** Makes and boots these hosts; those that are there already are booted when they are off, and left as they are. */
  add(requests: readonly HostRequest[]): Promise<LocalHost[]>;
  /** Removes the group with all its hosts, and everything that was made for them. */
  down(): Promise<void>;
};

export type LocalHosts = {
  /** Why hosts of this kind cannot be had here; empty when they can. */
  missing(kind: HostKind): string[];
  /** Opens a group, making it when it is new. */
  open(name: string): Promise<HostGroup>;
  /** A group that is there, or null. */
  find(name: string): HostGroup | null;
  groups(): string[];
  /** Makes the image of these packages, so that the first host need not wait for it. */
  prepareImage(kind: HostKind, packages?: readonly string[]): Promise<void>;
  /** Removes images that no host lies on. */
  removeImages(): Promise<void>;
};

export type LocalHostsOptions = { state_folder?: string; onProgress?: (text: string) => void };

/** Hosts that are made or booted at the same time. */
const width = 6;

export function createLocalHosts(options: LocalHostsOptions = {}): LocalHosts {
  const state_folder = options.state_folder ?? '/var/lib/mainstay/local-hosts';
  const folders = join(state_folder, 'groups');
  const lock = <Result>(work: () => Promise<Result>) => withFileLock(join(state_folder, 'locks', 'groups'), work);
  const groups = () => (existsSync(folders) ? readdirSync(folders).sort() : []);
  const indexOf = (name: string): number => JSON.parse(readFileSync(join(folders, name, 'group.json'), 'utf8')).index;

  const recordsOf = (name: string): HostRecord[] => {
    const folder = join(folders, name, 'hosts');
    const files = (existsSync(folder) ? readdirSync(folder) : []).map((host) => join(folder, host, 'host.json'));
    const records = files.filter((file) => existsSync(file)).map((file) => JSON.parse(readFileSync(file, 'utf8')));
    return (records as HostRecord[]).sort((a, b) => a.number - b.number);
  };

  const hostOf = (record: HostRecord): LocalHost => {
    const place = {
      record,
      address: addressOf(record.index, record.number),
      folder: join(folders, record.group, 'hosts', record.name),
      image_folder: join(state_folder, 'images', record.image),
    };
    return createLocalHost(place, record.kind === 'vm' ? createVirtualMachine(place) : createContainer(place));
  };

  /** Reserves name and number of each host that is new, and writes down what it is. */
  const reserve = async (group: string, requests: readonly HostRequest[]): Promise<HostRecord[]> => {
    const images = await Promise.all(
      requests.map(({ kind = 'container', packages = [] }) =>
        imageOf(state_folder, kind, packages, options.onProgress),
      ),
    );
    return lock(async () => {
      const index = indexOf(group);
      const known = recordsOf(group);
      const wanted: HostRecord[] = [];
      for (const [position, request] of requests.entries()) {
        const taken = new Set(known.map(({ number }) => number));
        const number = Array.from({ length: hosts_max }, (_, nth) => nth + 1).find((nth) => !taken.has(nth));
        const name = request.name ?? `h${position + 1}`;
        const old = known.find((record) => record.name === name);
        if (old) {
          wanted.push(old);
          continue;
        }
        if (number === undefined) throw new AppError('Unavailable', `A group has at most ${hosts_max} hosts.`);
        const record: HostRecord = {
          group,
          index,
          name,
          number,
          kind: request.kind ?? 'container',
          image: images[position]!.key,
          packages: [...(request.packages ?? [])],
          memory_mb: request.memory_mb ?? 1024,
          disk_mb: request.disk_mb ?? 8192,
        };
        known.push(record);
        wanted.push(record);
        await mkdir(join(folders, group, 'hosts', name), { recursive: true });
        await writeFile(join(folders, group, 'hosts', name, 'host.json'), JSON.stringify(record));
      }
      return wanted;
    });
  };

  const groupOf = (name: string): HostGroup => {
    const network = networkOf(indexOf(name));
    const hosts = () => recordsOf(name).map(hostOf);
    return {
      name,
      network,
      hosts,
      host(host) {
        const found = hosts().find((one) => one.name === host);
        if (found) return found;
        const names = hosts()
          .map((one) => one.name)
          .join(', ');
        throw new AppError('NotFound', `Group "${name}" has no host "${host}".`, {
          field: 'host',
          hint: `It has: ${names || 'none'}.`,
        });
      },
      async add(requests) {
        checkRequests(requests);
        const records = await reserve(name, requests);
        await eachBounded(records, width, (record) => hostOf(record).boot());
        return records.map(hostOf);
      },
      down: () =>
        lock(async () => {
          await removeGroup(join(folders, name), network.index);
          if (groups().length === 0) await restoreMachine(state_folder);
        }),
    };
  };

  return {
    missing: missingFor,
    async open(name) {
      checkName('group', name);
      const missing = missingFor('container');
      if (missing.length > 0) {
        throw new AppError('Unavailable', `Local hosts cannot be had here: ${missing.join('; ')}.`);
      }
      await lock(async () => {
        await prepareMachine(state_folder);
        const file = join(folders, name, 'group.json');
        if (!existsSync(file)) {
          const taken = new Set(
            groups()
              .filter((group) => existsSync(join(folders, group, 'group.json')))
              .map(indexOf),
          );
          const index = await freeIndex(taken);
          await mkdir(join(folders, name, 'hosts'), { recursive: true });
          await writeFile(file, JSON.stringify({ name, index }));
        }
        await makeNetwork(networkOf(indexOf(name)));
      });
      return groupOf(name);
    },
    find: (name) => (existsSync(join(folders, name, 'group.json')) ? groupOf(name) : null),
    groups,
    async prepareImage(kind, packages = []) {
      await imageOf(state_folder, kind, packages, options.onProgress);
    },
    removeImages: () =>
      lock(async () => {
        const used = new Set(
          groups()
            .flatMap(recordsOf)
            .map(({ image }) => image),
        );
        const images = join(state_folder, 'images');
        for (const key of existsSync(images) ? readdirSync(images) : []) {
          if (![...used].some((image) => key.startsWith(image)))
            await rm(join(images, key), { recursive: true, force: true });
        }
      }),
  };
}

function checkRequests(requests: readonly HostRequest[]): void {
  for (const { name, kind = 'container', memory_mb = 1024, disk_mb = 8192 } of requests) {
    if (name !== undefined) checkName('host', name);
    const missing = missingFor(kind);
    if (missing.length > 0) throw new AppError('Unavailable', `A ${kind} cannot be had here: ${missing.join('; ')}.`);
    const disk_least = kind === 'vm' ? image_disk_mb : 64;
    for (const [field, value, least, most] of [
      ['memory_mb', memory_mb, 256, 65_536],
      ['disk_mb', disk_mb, disk_least, 1_048_576],
    ] as const) {
      if (Number.isInteger(value) && value >= least && value <= most) continue;
      throw new AppError('InvalidInput', `"${field}" must be a whole number from ${least} to ${most}.`, { field });
    }
  }
}

function checkName(field: string, name: string): void {
  if (/^[a-z]([a-z0-9-]{0,22}[a-z0-9])?$/.test(name)) return;
  throw new AppError('InvalidInput', `"${name.slice(0, 60)}" is no name for a ${field}.`, {
    field,
    hint: 'Use up to 24 lower-case letters, digits and dashes, starting with a letter.',
  });
}
