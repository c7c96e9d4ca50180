/**
 * The control plane as a process, with the keeper inside, or with a keeper in a process of its own. This file is where programs are put together, and so the one
 * place in this package that knows the keeper itself and not only its interface.
 *
 *   --home DIR   state                      --port N    7070
 *   --host ADDR  127.0.0.1                  --public-url URL (MAINSTAY_PUBLIC_URL)
 *   --public-dir DIR  built files of the dashboard
 *   --agent-dir DIR   executables of the agent, which new servers fetch (MAINSTAY_AGENT_DIR; by default agent/ beside this program)
 *   --keeper-socket PATH  Unix socket of a keeper of its own (MAINSTAY_KEEPER_SOCKET)
 *
 * When it listens it writes `<home>/url` and, where there is none that holds, `<home>/cli-token` (0600).
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '@mainstay/contract/errors';
import { createKeeper } from '@mainstay/keeper';
import { createLogger, createShutdown } from '@mainstay/runtime';
import { createKeeperClient } from '@mainstay/runtime/keeper-client';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

const log = createLogger({ name: 'control-plane' });

try {
  await main();
} catch (error) {
  if (error instanceof AppError) {
    log.fatal({ code: error.code, field: error.field, hint: error.hint }, error.message);
    console.error(`error: ${error.message}${error.hint ? `\n  ${error.hint}` : ''}`);
  } else {
    log.fatal({ err: error }, 'the control plane could not start');
  }
  process.exit(1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      home: { type: 'string' },
      port: { type: 'string', default: '7070' },
      host: { type: 'string', default: '127.0.0.1' },
      'public-url': { type: 'string' },
      'public-dir': { type: 'string' },
      'agent-dir': { type: 'string' },
      'keeper-socket': { type: 'string' },
    },
  });
  const home = values.home ?? process.env['MAINSTAY_HOME'];
  if (!home)
    throw new AppError('InvalidInput', 'No folder for the state was given.', {
      field: 'home',
      hint: 'Give --home DIR, or set MAINSTAY_HOME.',
    });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new AppError('InvalidInput', `"${values.port}" is not a port.`, {
      field: 'port',
      hint: 'Give a number from 0 to 65535.',
    });
  }
  const shutdown = createShutdown({
    onError: (name, error) => log.error({ err: error, part: name }, 'did not stop in order'),
  });
  const public_url = values['public-url'] ?? process.env['MAINSTAY_PUBLIC_URL'];
  const public_dir = values['public-dir'] ?? join(import.meta.dirname, 'public');
  const keeper_socket = values['keeper-socket'] ?? process.env['MAINSTAY_KEEPER_SOCKET'];
  const keeper = keeper_socket
    ? createKeeperClient({ socket: keeper_socket })
    : await createKeeper({ directory: join(home, 'keeper'), policies: join(home, 'policies') });
  const plane = await startControlPlane({
    home,
    port,
    host: values.host,
    keeper,
    log,
    public_dir: existsSync(public_dir) ? public_dir : null,
    agent_dir: values['agent-dir'] ?? process.env['MAINSTAY_AGENT_DIR'] ?? join(import.meta.dirname, 'agent'),
    ...(public_url ? { public_url } : {}),
  });
  shutdown.add({ name: 'keeper', stop: async () => keeper.close() });
  shutdown.add({ name: 'control plane', stop: () => plane.stop() });
  await writeCliFiles(home, plane);
  const end = () => void shutdown.stop().then(() => process.exit(0));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
}

/** What the CLI on this machine needs to find and use this control plane. */
async function writeCliFiles(home: string, plane: ControlPlane): Promise<void> {
  const path = join(home, 'cli-token');
  const present = existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
  if (present === '' || !(await plane.isTokenValid(present))) writeWhole(path, `${await plane.createToken()}\n`);
  writeWhole(join(home, 'url'), `${plane.url}\n`);
}

function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
