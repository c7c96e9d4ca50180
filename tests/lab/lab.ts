/**
 * `npm run lab`: real servers on this machine, from the command line.
 *
 *   npm run lab -- up 3 [--kind container|arm64|vm] [--packages haproxy,ufw]   hosts h1, h2, h3; those that are there stay
 *   npm run lab -- exec h1 -- systemctl status                          a command as root; its exit code is the lab's
 *   npm run lab -- list | down | images [--remove]
 *   npm run lab -- fault h1 power-off | boot | reboot | shutdown | pause | unpause | …   `fault` alone lists them
 *
 * Options: --name LAB (lab) one of several labs beside each other; --json for programs.
 */
import { parseArgs } from 'node:util';
import { AppError } from '@mainstay/contract/app-error';
import {
  createLocalHosts,
  type HostGroup,
  type HostKind,
  hostKinds,
  type LocalHost,
} from '@mainstay/runtime/local-hosts/index';
import { faults } from './fault-verbs.ts';

const dashes = process.argv.indexOf('--', 2);
const own = process.argv.slice(2, dashes === -1 ? undefined : dashes);
const command = dashes === -1 ? [] : process.argv.slice(dashes + 1);

try {
  const { values, positionals } = parseArgs({
    args: own,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'lab' },
      kind: { type: 'string', default: 'container' },
      packages: { type: 'string', default: '' },
      memory: { type: 'string', default: '1024' },
      disk: { type: 'string', default: '8192' },
      json: { type: 'boolean', default: false },
      remove: { type: 'boolean', default: false },
    },
  });
  const [verb = 'help', ...rest] = positionals;
  const hosts = createLocalHosts({ onProgress: (text) => console.error(`${text} …`) });
  const found = (): HostGroup => {
    const group = hosts.find(values.name);
    if (group) return group;
    throw new AppError('NotFound', `There is no lab "${values.name}".`, { hint: 'Start it: npm run lab -- up 3' });
  };
  const say = (json: unknown, text: string) => console.log(values.json ? JSON.stringify(json, null, 2) : text);

  if (verb === 'up') {
    const count = numberOf('the number of hosts', rest[0] ?? '3', 100);
    const kind = values.kind as HostKind;
    if (!hostKinds.includes(kind)) throw refusal(`--kind must be one of ${hostKinds.join(', ')}.`, 'kind');
    const packages = values.packages.split(',').filter((name) => name !== '');
    const request = {
      kind,
      packages,
      memory_mb: numberOf('--memory', values.memory),
      disk_mb: numberOf('--disk', values.disk),
    } as const;
    const began = performance.now();
    const group = await hosts.open(values.name);
    await group.add(Array.from({ length: count }, () => request));
    const rows = await Promise.all(group.hosts().map(rowOf));
    say({ lab: values.name, gateway: group.network.gateway, hosts: rows }, table(group, rows));
    if (!values.json) console.log(`up in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  } else if (verb === 'exec') {
    const host = found().host(rest[0] ?? '');
    const [file, ...args] = command;
    if (file === undefined) throw refusal('Say what to run: lab exec h1 -- COMMAND …', 'command');
    const stdin = process.stdin.isTTY ? '' : process.stdin;
    const onOutput = (from: 'stdout' | 'stderr', chunk: Buffer) => void process[from].write(chunk);
    const result = await host.exec([file, ...args], {
      stdin,
      onOutput,
      output_bytes_max: 0,
      timeout_ms: 24 * 3_600_000,
    });
    process.exitCode = result.code ?? 1;
    process.stdin.destroy();
  } else if (verb === 'list') {
    const groups = hosts
      .groups()
      .map((name) => hosts.find(name))
      .filter((group) => group !== null);
    const all = await Promise.all(
      groups.map(async (group) => ({ group, rows: await Promise.all(group.hosts().map(rowOf)) })),
    );
    const text = all.map(({ group, rows }) => table(group, rows)).join('\n\n');
    say(
      all.map(({ group, rows }) => ({ lab: group.name, gateway: group.network.gateway, hosts: rows })),
      text || 'no labs',
    );
  } else if (verb === 'fault') {
    const [name = '', fault = '', ...words] = rest;
    const verbs = `Faults:\n${Object.entries(faults)
      .map(([key, { usage }]) => `  ${key} ${usage}`)
      .join('\n')}`;
    const entry = faults[fault];
    if (!entry) throw refusal(`There is no fault "${fault}".`, 'fault', verbs);
    const host = found().host(name);
    await entry.run(host, words);
    say({ host: name, fault, state: await host.state() }, `${name}: ${fault} done, now ${await host.state()}`);
  } else if (verb === 'down') {
    const group = hosts.find(values.name);
    await group?.down();
    say({ lab: values.name, removed: group !== null }, group ? `lab "${values.name}" removed` : 'nothing to remove');
  } else if (verb === 'images') {
    if (values.remove) await hosts.removeImages();
    else
      await hosts.prepareImage(
        'container',
        values.packages.split(',').filter((one) => one !== ''),
      );
  } else {
    throw refusal(`There is no command "${verb}".`, 'command', 'Commands: up, exec, list, fault, down, images.');
  }
} catch (error) {
  const { message, hint } = error as AppError;
  console.error(hint ? `${message}\n${hint}` : message);
  process.exitCode = error instanceof AppError && error.code === 'InvalidInput' ? 64 : 1;
}

type Row = { name: string; kind: string; ip: string; ip6: string; state: string };

async function rowOf(host: LocalHost): Promise<Row> {
  const { name, kind, ip, ip6 } = host;
  return { name, kind, ip, ip6, state: await host.state() };
}

function table(group: HostGroup, rows: readonly Row[]): string {
  const lines = rows.map(({ name, kind, ip, ip6, state }) => [name, kind, state, ip, ip6]);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map(
    (line) =>
      `  ${line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}`,
  );
  return [`${group.name} (this machine is ${group.network.gateway} there)`, ...text].join('\n');
}

function numberOf(what: string, text: string, most = 1_048_576): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw refusal(`${what} must be a whole number from 1 to ${most}, not "${text}".`, 'count');
}

function refusal(message: string, field: string, hint?: string): AppError {
  return new AppError('InvalidInput', message, hint === undefined ? { field } : { field, hint });
}
