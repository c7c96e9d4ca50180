/** Our DNS responder as a process of its own, without its bound on queries a second: node dns-responder.ts HOST PORT */
import { createResponder } from '@mainstay/agent/dns/responder';
import { zoneOf } from '@mainstay/agent/dns/zone';
import { silentLogger } from '@mainstay/runtime';

const [host = '', port = ''] = process.argv.slice(2);
const addresses = [{ host, port: Number(port) }];
const responder = createResponder({ log: silentLogger(), addresses, limits: { queries_per_second_max: 10_000_000 } });
const services = Array.from({ length: 50 }, (_, index) => ({ name: `service-${index}`, port: 20_000 + index }));
responder.setZone(zoneOf({ domain: 'svc.internal', services }, 1));
await responder.open();
