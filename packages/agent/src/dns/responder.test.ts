import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { silentLogger } from '@mainstay/runtime/log';
import * as dns from 'dns-packet';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeAddress } from '../testing/free-address.ts';
import { type Address, createResponder, type Responder, type ResponderLimits } from './responder.ts';
import { zoneOf } from './zone.ts';

const wanted = {
  domain: 'svc.internal',
  services: [
    { name: 'api', port: 37_901 },
    { name: 'web-2', port: 37_902 },
  ],
};
let address: Address;
let responder: Responder;
let client: Socket;
const opened: Responder[] = [];

async function open(limits: Partial<ResponderLimits> = {}): Promise<Responder> {
  address = await freeAddress();
  const made = createResponder({ log: silentLogger(), addresses: [address], limits });
  opened.push(made);
  made.setZone(zoneOf(wanted, 7));
  await made.open();
  return made;
}
beforeEach(async () => {
  responder = await open();
  client = createSocket('udp4');
});
afterEach(async () => {
  client.close();
  for (const each of opened.splice(0)) await each.close();
});

type Question = { name: string; type: string; class?: string };
const query = (question: Question, over: object = {}) =>
  dns.encode({
    type: 'query',
    id: 4711,
    flags: dns.RECURSION_DESIRED,
    questions: [question as dns.Question],
    ...over,
  });

/** Sends bytes over UDP; gives the answer, or null when a plain query that is sent after it is answered first. */
async function exchange(bytes: Buffer): Promise<Buffer | null> {
  const answers: Buffer[] = [];
  client.on('message', (message) => answers.push(message));
  const probe = query({ name: 'api.svc.internal', type: 'A' }, { id: 9 });
  client.send(bytes, address.port, address.host);
  client.send(probe, address.port, address.host);
  while (!answers.some((answer) => answer.readUInt16BE(0) === 9)) await once(client, 'message');
  client.removeAllListeners('message');
  return answers.find((answer) => answer.readUInt16BE(0) !== 9) ?? null;
}
async function ask(question: Question, over: object = {}) {
  const bytes = await exchange(query(question, over));
  if (!bytes) throw new Error('There was no answer.');
  return { ...dns.decode(bytes), bytes };
}
const rcodeOf = (answer: { bytes: Buffer }) => answer.bytes.readUInt16BE(2) & 0xf;
const edns = (size: number, version = 0) => ({
  additionals: [{ type: 'OPT', name: '.', udpPayloadSize: size, flags: 0, ednsVersion: version, options: [] }],
});

test('a service has an A record, authoritative, with RD given back and RA never set', async () => {
  const answer = await ask({ name: 'api.svc.internal', type: 'A' });
  expect(answer).toMatchObject({
    id: 4711,
    flag_qr: true,
    flag_aa: true,
    flag_rd: true,
    flag_ra: false,
    flag_tc: false,
  });
  expect(answer.answers).toMatchObject([{ name: 'api.svc.internal', type: 'A', data: '127.0.0.1', ttl: 5 }]);
  expect((await ask({ name: 'api.svc.internal', type: 'A' }, { flags: 0 })).flag_rd).toBe(false);
});

test('SRV tells the port of a service, and where its target is', async () => {
  const { answers, additionals } = await ask({ name: '_http._tcp.web-2.svc.internal', type: 'SRV' });
  const data = { priority: 0, weight: 0, port: 37_902, target: 'web-2.svc.internal' };
  expect(answers).toMatchObject([{ type: 'SRV', data }]);
  expect(additionals).toMatchObject([{ name: 'web-2.svc.internal', type: 'A', data: '127.0.0.1' }]);
});

test.each([
  ['AAAA of a service', 'api.svc.internal', 'AAAA', 0],
  ['A of what only has names below it', '_tcp.api.svc.internal', 'A', 0],
  ['A of the domain itself', 'svc.internal', 'A', 0],
  ['an unknown service', 'nobody.svc.internal', 'A', 3],
  ['a name below a service', 'www.api.svc.internal', 'A', 3],
  ['SRV of another protocol', '_ldap._tcp.api.svc.internal', 'SRV', 3],
])('%s has no data, and says for how long with SOA', async (_what, name, type, code) => {
  const answer = await ask({ name, type });
  expect(rcodeOf(answer)).toBe(code);
  expect(answer).toMatchObject({ flag_aa: true, answers: [] });
  expect(answer.authorities).toMatchObject([
    { name: 'svc.internal', type: 'SOA', ttl: 1, data: { minimum: 1, serial: 7 } },
  ]);
});

test('the domain has SOA and NS', async () => {
  expect((await ask({ name: 'svc.internal', type: 'SOA' })).answers).toMatchObject([{ type: 'SOA' }]);
  expect((await ask({ name: 'svc.internal', type: 'NS' })).answers).toMatchObject([{ data: 'localhost' }]);
});

test.each([
  ['another domain', { name: 'example.com', type: 'A' }],
  ['a domain that only ends alike', { name: 'api.xsvc.internal', type: 'A' }],
  ['the domain above', { name: 'internal', type: 'NS' }],
  ['the root', { name: '.', type: 'NS' }],
  ['another class', { name: 'version.bind', type: 'TXT', class: 'CH' }],
  ['our name in another class', { name: 'api.svc.internal', type: 'A', class: 'CH' }],
  ['a zone transfer', { name: 'svc.internal', type: 'AXFR' }],
])('%s is refused, and nothing is said about it', async (_what, question) => {
  const answer = await ask(question);
  expect(rcodeOf(answer)).toBe(5);
  expect(answer).toMatchObject({ flag_aa: false, flag_ra: false, answers: [], authorities: [], additionals: [] });
});

test('everything is refused while there is no zone', async () => {
  const other = await open();
  other.setZone(null);
  client.send(query({ name: 'api.svc.internal', type: 'A' }), address.port, address.host);
  const [bytes] = (await once(client, 'message')) as [Buffer];
  expect(rcodeOf({ bytes })).toBe(5);
});

test('ANY is answered with one small record', async () => {
  const { answers } = await ask({ name: 'api.svc.internal', type: 'ANY' });
  expect(answers).toMatchObject([{ type: 'HINFO', data: { cpu: 'RFC8482', os: '' } }]);
});

test('names are found whatever their case, and go back byte for byte as they were asked', async () => {
  const bytes = query({ name: 'aPi.SvC.iNTERnal', type: 'A' });
  const answer = (await exchange(bytes)) ?? Buffer.alloc(0);
  expect(answer.subarray(12, bytes.length)).toEqual(bytes.subarray(12));
  expect(dns.decode(answer).answers).toMatchObject([{ name: 'aPi.SvC.iNTERnal', data: '127.0.0.1' }]);
});

test('a label with a dot or other bytes in it is no name of ours, and its bytes go back as they came', async () => {
  const plain = query({ name: 'api.svc.internal', type: 'A' });
  const dotted = Buffer.from(plain);
  // `api.svc` as one label: same text, another name.
  dotted[12] = 7;
  dotted[16] = 0x2e;
  const odd = Buffer.from(plain);
  odd[14] = 0xff;
  for (const [bytes, code] of [
    [dotted, 5],
    [odd, 3],
  ] as const) {
    const answer = (await exchange(bytes)) ?? Buffer.alloc(0);
    expect(rcodeOf({ bytes: answer })).toBe(code);
    expect(answer.subarray(12, bytes.length)).toEqual(bytes.subarray(12));
  }
});

test('EDNS is answered with EDNS, and an unknown version of it with BADVERS', async () => {
  const option = { type: 'OPT', udpPayloadSize: 1_232, ednsVersion: 0, extendedRcode: 0 };
  expect((await ask({ name: 'api.svc.internal', type: 'A' }, edns(4_096))).additionals).toMatchObject([option]);
  const unknown = await ask({ name: 'api.svc.internal', type: 'A' }, edns(4_096, 1));
  expect(unknown).toMatchObject({ answers: [], additionals: [{ ...option, extendedRcode: 1 }] });
});

test('an answer that does not fit is cut off whole, fits with EDNS, and comes whole over TCP', async () => {
  const domain = `${'d'.repeat(60)}.${'e'.repeat(39)}`;
  const name = 'n'.repeat(63);
  responder.setZone(zoneOf({ domain, services: [{ name, port: 80 }] }, 1));
  const question = { name: `_http._tcp.${name}.${domain}`, type: 'SRV' };
  const bytes = await exchangeOnly(query(question));
  expect(bytes.length).toBeLessThanOrEqual(512);
  expect(dns.decode(bytes)).toMatchObject({ flag_tc: true, answers: [], additionals: [] });
  const small = await exchangeOnly(query(question, edns(100)));
  expect(dns.decode(small)).toMatchObject({ flag_tc: true, additionals: [{ type: 'OPT' }] });
  const large = await exchangeOnly(query(question, edns(1_232)));
  expect(dns.decode(large)).toMatchObject({ flag_tc: false, answers: [{ type: 'SRV' }] });
  const resolver = new Resolver({ timeout: 5_000, tries: 1 });
  resolver.setServers([`${address.host}:${address.port}`]);
  expect(await resolver.resolveSrv(question.name)).toMatchObject([{ port: 80, name: `${name}.${domain}` }]);
});

async function exchangeOnly(bytes: Buffer): Promise<Buffer> {
  client.send(bytes, address.port, address.host);
  const [answer] = (await once(client, 'message')) as [Buffer];
  return answer;
}

test.each([
  ['of less than a header', Buffer.alloc(11)],
  ['that is an answer', query({ name: 'api.svc.internal', type: 'A' }).fill(0x81, 2, 3)],
  ['that is longer than any query', Buffer.concat([query({ name: 'a', type: 'A' }), Buffer.alloc(4_096)])],
])('a message %s is dropped', async (_what, bytes) => {
  expect(await exchange(bytes)).toBe(null);
});

const counted = (at: number, count: number) => {
  const bytes = query({ name: 'api.svc.internal', type: 'A' });
  bytes.writeUInt16BE(count, at);
  return bytes;
};
test.each([
  ['no question', counted(4, 0), 1],
  ['two questions', counted(4, 2), 1],
  ['answers', counted(6, 1), 1],
  ['more records than there are', counted(10, 2), 1],
  ['65,535 records', counted(10, 65_535), 1],
  ['a name that goes past its end', query({ name: 'api', type: 'A' }).fill(63, 12, 13), 1],
  ['a name that points to itself', query({ name: 'aa', type: 'A' }).fill(Buffer.from([0xc0, 12]), 12, 14), 1],
  [
    'EDNS twice',
    query({ name: 'api', type: 'A' }, { additionals: [...edns(512).additionals, ...edns(512).additionals] }),
    1,
  ],
  ['an opcode that is not served', query({ name: 'svc.internal', type: 'SOA' }).fill(0x28, 2, 3), 4],
])('a message with %s is answered with an error and no more', async (_what, bytes, code) => {
  const answer = (await exchange(bytes)) ?? Buffer.alloc(0);
  expect(answer).toHaveLength(12);
  expect(answer.readUInt16BE(0)).toBe(4711);
  expect(rcodeOf({ bytes: answer })).toBe(code);
});

test('whatever is sent, what is asked next is answered', async () => {
  const good = query({ name: 'api.svc.internal', type: 'A' }, edns(1_232));
  const mutated = fc
    .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
    .map((changes) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    // `exchange` ends when the query behind it was answered.
    fc.asyncProperty(fc.oneof(mutated, anything), async (bytes) => void (await exchange(bytes))),
    { numRuns: 300 },
  );
});

/** Opens a connection; gives what came until the server or we ended it. */
async function overTcp(chunks: Buffer[], ends = true): Promise<Buffer> {
  const socket = connect(address.port, address.host);
  const received: Buffer[] = [];
  socket.on('data', (chunk) => received.push(chunk));
  socket.on('error', () => {});
  await once(socket, 'connect');
  for (const chunk of chunks) {
    socket.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (ends) socket.end();
  await once(socket, 'close');
  return Buffer.concat(received);
}
const framed = (bytes: Buffer) => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

test('TCP answers queries in their order, however they are cut up', async () => {
  const queries = ['api', 'nobody', 'web-2'].map((name, id) =>
    framed(query({ name: `${name}.svc.internal`, type: 'A' }, { id })),
  );
  const bytes = Buffer.concat(queries);
  const cut = [bytes.subarray(0, 1), bytes.subarray(1, 30), bytes.subarray(30)];
  let rest = await overTcp(cut);
  const codes: number[] = [];
  for (let id = 0; rest.length > 0; id++) {
    const length = rest.readUInt16BE(0);
    expect(rest.readUInt16BE(2)).toBe(id);
    codes.push(rcodeOf({ bytes: rest.subarray(2) }));
    rest = rest.subarray(length + 2);
  }
  expect(codes).toEqual([0, 3, 0]);
});

test.each([
  ['a message that is too long', { bytes: Buffer.from([0xff, 0xff]), limits: {} }],
  ['a message that is no query', { bytes: framed(Buffer.alloc(5)), limits: {} }],
  ['nothing', { bytes: Buffer.alloc(0), limits: { idle_ms_max: 50 } }],
  ['half a message', { bytes: Buffer.from([0, 40, 1]), limits: { idle_ms_max: 50 } }],
  [
    'more queries than it may',
    { bytes: framed(query({ name: 'a', type: 'A' })), limits: { queries_per_connection_max: 0 } },
  ],
  [
    'queries faster than it may',
    { bytes: framed(query({ name: 'a', type: 'A' })), limits: { queries_per_second_max: 0 } },
  ],
])('a connection that sends %s is closed', async (_what, { bytes, limits }) => {
  await open(limits);
  expect(await overTcp([bytes], false)).toHaveLength(0);
});

test('no more connections are open at once than may be', async () => {
  await open({ connections_max: 1 });
  const first = connect(address.port, address.host);
  await once(first, 'connect');
  first.write(framed(query({ name: 'api.svc.internal', type: 'A' })));
  await once(first, 'data');
  expect(await overTcp([], false)).toHaveLength(0);
  first.destroy();
});

test('queries over UDP beyond the bound are dropped', async () => {
  await open({ queries_per_second_max: 3 });
  let answers = 0;
  client.on('message', () => answers++);
  for (let i = 0; i < 50; i++) client.send(query({ name: 'api.svc.internal', type: 'A' }), address.port, address.host);
  const resolver = new Resolver({ timeout: 500, tries: 20 });
  resolver.setServers([`${address.host}:${address.port}`]);
  // Some time later there are turns again.
  expect(await resolver.resolve4('api.svc.internal')).toEqual(['127.0.0.1']);
  expect(answers).toBeLessThan(50);
  expect(answers).toBeGreaterThan(0);
});

test('the next address is taken when the first is in use, and none is an error that says why', async () => {
  const [taken, free] = [await freeAddress(), await freeAddress()];
  const holder = createServer().listen(taken.port, taken.host);
  await once(holder, 'listening');
  const log = silentLogger();
  const second = createResponder({ log, addresses: [taken, free] });
  opened.push(second);
  expect(await second.open()).toEqual(free);
  const none = createResponder({ log, addresses: [taken] });
  await expect(none.open()).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('EADDRINUSE'),
  });
  expect(none.address()).toBe(null);
  holder.close();
});

test.each(['0.0.0.0', '10.0.0.1', '::', 'localhost'])('it never listens on %s', (host) => {
  const make = () => createResponder({ log: silentLogger(), addresses: [{ host, port: 53 }] });
  expect(make).toThrow(expect.objectContaining({ code: 'InvalidInput', field: 'address' }));
});
