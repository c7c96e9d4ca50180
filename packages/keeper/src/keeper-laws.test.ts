import { join } from 'node:path';
import { createKeeperClient } from '@mainstay/runtime/keeper-client';
import { keeperLaws } from './conformance/keeper.conformance.ts';
import { createKeeper } from './keeper.ts';
import { serveKeeper } from './socket/keeper-server.ts';

keeperLaws('in the same process', async (options) => {
  const keeper = await createKeeper(options);
  return { keeper, stop: async () => keeper.close() };
});

keeperLaws('over its socket', async (options) => {
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
});
