/**
 * What the zone of internal names answers: pure, and authoritative for one domain only. All names lead to 127.0.0.1, so
 * there is an A record for each service and no AAAA (the internal proxy listens on IPv4), and an SRV record with the port
 * at which the service answers by itself.
 *
 * | Asked                              | Answered |
 * | ---------------------------------- | --- |
 * | `<service>.<domain>` A             | 127.0.0.1 |
 * | `_http._tcp.<service>.<domain>` SRV | port and `<service>.<domain>` (RFC 2782) |
 * | a name that is there, another type  | no data, with SOA (RFC 2308 §2.2) |
 * | ANY of a name that is there         | HINFO "RFC8482" (RFC 8482 §4.2) |
 * | another name of the domain          | NXDOMAIN with SOA (RFC 2308 §2.1) |
 * | anything else, another class, AXFR  | REFUSED |
 */
import type { Answer } from 'dns-packet';
import type { NamesWanted } from './names.ts';

/** Seconds. Asking again costs next to nothing here, and resolved keeps nothing of local servers by default anyway. */
export const ttl_seconds = 5;
/** Seconds: a service that was just added is found at once. */
export const negative_ttl_seconds = 1;

export const rcode = { noError: 0, formErr: 1, nxDomain: 3, notImp: 4, refused: 5 } as const;

export type Zone = {
  domain: string;
  serial: number;
  /** Port by service. */
  services: ReadonlyMap<string, number>;
};

export type Reply = { rcode: number; answers: Answer[]; authorities: Answer[]; additionals: Answer[] };

/** Makes a zone; `serial` grows with every change (RFC 1035 §3.3.13). */
export function zoneOf({ domain, services }: NamesWanted, serial: number): Zone {
  return { domain, serial: serial >>> 0, services: new Map(services.map(({ name, port }) => [name, port])) };
}

const refused: Reply = { rcode: rcode.refused, answers: [], authorities: [], additionals: [] };
const zoneTransfers = new Set(['AXFR', 'IXFR']);

/** Answers one question; names are compared without regard to case (RFC 4343), and given back as they were asked. */
export function answerQuestion(zone: Zone | null, question: { name: string; type: string; class: string }): Reply {
  if (zone === null || question.class !== 'IN' || zoneTransfers.has(question.type)) return refused;
  const name = question.name.toLowerCase();
  if (name !== zone.domain && !name.endsWith(`.${zone.domain}`)) return refused;
  const records = recordsOf(zone, name, question.name);
  if (records === null) return empty(zone, rcode.nxDomain);
  const answers =
    question.type === 'ANY'
      ? [{ type: 'HINFO' as const, name: question.name, ttl: ttl_seconds, data: { cpu: 'RFC8482', os: '' } }]
      : records.filter(({ type }) => type === question.type);
  if (answers.length === 0) return empty(zone, rcode.noError);
  const targets = answers.flatMap((answer) => (answer.type === 'SRV' ? [address(answer.data.target)] : []));
  return { rcode: rcode.noError, answers, authorities: [], additionals: targets };
}

/** The records of a name, none for one that only has others below it (RFC 8020 §2); null when it is not there. */
function recordsOf(zone: Zone, name: string, as_asked: string): Answer[] | null {
  if (name === zone.domain) return [soa(zone, as_asked, ttl_seconds), { ...nameserver, name: as_asked }];
  const labels = name.slice(0, -zone.domain.length - 1).split('.');
  const service = labels.at(-1) ?? '';
  const port = zone.services.get(service);
  if (port === undefined) return null;
  const below = labels.slice(0, -1).join('.');
  if (below === '') return [address(as_asked)];
  if (below === '_tcp') return [];
  if (below !== '_http._tcp') return null;
  const target = `${service}.${zone.domain}`;
  return [{ type: 'SRV', name: as_asked, ttl: ttl_seconds, data: { priority: 0, weight: 0, port, target } }];
}

const address = (name: string): Answer => ({ type: 'A', name, ttl: ttl_seconds, data: '127.0.0.1' });

/** A zone has a name server; this one is nobody's to ask from elsewhere (as RFC 6303 §3 has it for such zones). */
const nameserver = { type: 'NS' as const, ttl: ttl_seconds, data: 'localhost' };

/** `minimum` is how long nobody asks again for what is not there (RFC 2308 §4). */
const soa = (zone: Zone, name: string, ttl: number): Answer => ({
  type: 'SOA',
  name,
  ttl,
  data: {
    mname: 'localhost',
    rname: 'nobody.invalid',
    serial: zone.serial,
    refresh: 3_600,
    retry: 600,
    expire: 86_400,
    minimum: negative_ttl_seconds,
  },
});

const empty = (zone: Zone, code: number): Reply => ({
  rcode: code,
  answers: [],
  authorities: [soa(zone, zone.domain, negative_ttl_seconds)],
  additionals: [],
});
