/**
 * What runs on a lab host in tests of names: the agent's own names port, kept up as the agent does, and in the place of the
 * internal proxy a server at port 80 of 127.0.0.1 that answers with the Host header.
 *
 *   names-program.mjs hold SERVICE…    until it is ended; the names stay
 *   names-program.mjs remove
 */
import { createServer } from 'node:http';
import { serverNames } from '@mainstay/agent/dns/server-names';
import { createLogger } from '@mainstay/runtime/log';

const [verb, ...services] = process.argv.slice(2);
const names = serverNames(createLogger({ name: 'names' }));
if (verb === 'remove') await names.remove();
else {
  const wanted = {
    domain: 'svc.internal',
    services: services.map((name, index) => ({ name, port: 29_000 + index })),
  };
  createServer((request, response) => response.end(request.headers.host)).listen(80, '127.0.0.1');
  await names.apply(wanted);
  console.log(JSON.stringify(await names.observe()));
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { drift } = await names.observe();
    if (drift === null) continue;
    console.log(drift);
    await names.apply(wanted).catch((error: Error) => console.log(error.message));
  }
}
