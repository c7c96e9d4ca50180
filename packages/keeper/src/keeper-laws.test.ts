import { join } from 'node:path';
import { createKeeperClient } from '@mainstay/runtime/keeper-client';
import { decisionLaws } from './conformance/decisions.conformance.ts';
import { keyLaws } from './conformance/keys.conformance.ts';
import { undoLaws } from './conformance/undo.conformance.ts';
import type { StartKeeper } from './conformance/world.ts';
import { createKeeper } from './keeper.ts';
import { serveKeeper } from './socket/keeper-server.ts';

const inProcess: StartKeeper = async (options) => {
  const keeper = await createKeeper(options);
  return { keeper, stop: async () => keeper.close() };
};

const overSocket: StartKeeper = async (options) => {
  const keeper = await createKeeper(options);
  const socket = join(options.directory, 's');
  const server = await serveKeeper({ keeper, socket });
  const client = createKeeperClient({ socket });
  return {
    keeper: client,
    async stop() {
      client.close();
      await server.stop();
      keeper.close();
    },
  };
};

for (const [name, start] of [
  ['in the same process', inProcess],
  ['over its socket', overSocket],
] as const) {
  decisionLaws(name, start);
  keyLaws(name, start);
  undoLaws(name, start);
}
