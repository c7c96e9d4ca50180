#!/usr/bin/env node
/**
 * The keeper as a process of its own, with its own user: `mainstay-keeper --directory DIR --socket PATH --policies DIR`. And, for a person at
 * this machine when no key of an owner is left: `mainstay-keeper admit KEY_ID --role owner --directory DIR`.
 */
import { parseArgs } from 'node:util';
import { AppError } from '@mainstay/contract/errors';
import { Role } from '@mainstay/contract/operation';
import { createLogger } from '@mainstay/runtime/log';
import { createShutdown } from '@mainstay/runtime/shutdown';
import { createKeeper } from './keeper.ts';
import { serveKeeper } from './socket/keeper-server.ts';

const log = createLogger({ name: 'keeper' });

try {
  await main();
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  console.error(`${error.message}${error.hint ? `\n${error.hint}` : ''}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  const directory = values.directory ?? process.env['MAINSTAY_KEEPER_DIRECTORY'];
  if (!directory) throw missing('directory', 'the folder of the keys and the ledger');
  const keeper = await createKeeper({ directory, ...(values.policies ? { policies: values.policies } : {}) });
  if (positionals[0] === 'admit') {
    const role = Role.safeParse(values.role);
    const key_id = positionals[1];
    if (key_id === undefined || !role.success) {
      throw new AppError('InvalidInput', 'Which key, and as what?', {
        hint: 'mainstay-keeper admit KEY_ID --role owner --directory DIR',
      });
    }
    keeper.admitByHand(key_id, role.data);
    console.log(`The key ${key_id} is admitted as ${role.data}.`);
    keeper.close();
    return;
  }
  if (positionals.length > 0)
    throw new AppError('InvalidInput', `There is no command "${positionals[0]}".`, { hint: 'admit' });
  if (!values.socket) throw missing('socket', 'the path of the Unix socket');
  const server = await serveKeeper({
    keeper,
    socket: values.socket,
    onFault: (method, error) => log.error({ method, err: error }, 'a call failed'),
  });
  const shutdown = createShutdown();
  shutdown.add({ name: 'keeper', stop: () => keeper.close() });
  shutdown.add({ name: 'socket', stop: () => server.stop() });
  const end = () => void shutdown.stop().then(() => process.exit(0));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  for (const { message, hint } of await keeper.alerts()) log.warn({ hint }, message);
  const [key] = await keeper.keys();
  log.info({ socket: values.socket, kid: key?.kid }, 'the keeper is ready');
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        directory: { type: 'string' },
        socket: { type: 'string' },
        policies: { type: 'string' },
        role: { type: 'string' },
      },
    });
  } catch (error) {
    throw new AppError('InvalidInput', (error as Error).message, {
      hint: 'mainstay-keeper --directory DIR --socket PATH --policies DIR',
    });
  }
}

function missing(field: string, what: string): AppError {
  return new AppError('InvalidInput', `Missing: ${what}.`, { field, hint: `Give --${field}.` });
}
