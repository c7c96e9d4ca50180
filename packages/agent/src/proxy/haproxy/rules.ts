/**
 * The rules that a request passes, in the order in which they stand: what could be read in two ways is refused, fields of one
 * hop are taken out, the service is found, and a request for a service that is held waits. They say what the embedded
 * proxy's request-head.ts and request-path.ts say; the conformance suite holds both to it.
 */
import type { ProxyRoute } from '../proxy.ts';
import { type ConfigFiles, word } from './config-text.ts';

export type RequestRules = {
  files: ConfigFiles;
  role: 'external' | 'internal';
  /** The port that goes by host name. */
  internal_port: number | null;
  /** Services and the ports of their own. */
  ports: [string, number][];
  stripped: ProxyRoute[];
  /** By which a worker knows what another one of this HAProxy sends onward. */
  secret: string;
};

type Refusal = { status: number; code: string; message: string; hint?: string; close: boolean; more?: string };

type Refused = Refusal & { condition: string };

/** A refusal in text, or in JSON for who accepts that: the shape of the contract's Error. */
function refuse({ status, code, message, hint, close, more = '', condition }: Refused): string[] {
  const text = `${status} ${message}\\n${hint ? `${hint}\\n` : ''}`;
  const json = JSON.stringify({ code, message, ...(hint ? { hint } : {}) });
  const fields = `hdr Cache-Control no-store hdr X-Content-Type-Options nosniff${close ? ' hdr Connection close' : ''}${more}`;
  const answer = (type: string, body: string, when: string) =>
    `  http-request return status ${status} content-type ${word(type)} string ${body} ${fields} if ${when}`;
  return [
    answer('application/json', word(json), `accepts_json ${condition}`),
    answer('text/plain; charset=utf-8', `"${text}"`, condition),
  ];
}

const invalid = (message: string, condition: string, status = 400): Refused => ({
  status,
  code: 'InvalidInput',
  message,
  close: true,
  condition,
});

/** HAProxy takes 64 words in a line. */
const words_max = 50;

/** Rules that lead a request to its refusal when any of the conditions holds. */
function markOdd(refusals: readonly Refused[]): string[] {
  const lines: string[][] = [[]];
  for (const { condition } of refusals) {
    const words = lines.at(-1)!.join(' or ').split(' ').length + condition.split(' ').length;
    if (words > words_max) lines.push([]);
    lines.at(-1)!.push(condition);
  }
  return lines.map((conditions) => `  http-request set-var(txn.to) str(refused) if ${conditions.join(' or ')}`);
}

const onward_field = 'X-Mainstay-Onward';
const badEscapes = String.raw`\\|%00|%(?![0-9a-f]{2})`;
const slash = '(/|%2f|%5c)';
const dots = String.raw`(\.|%2e){1,2}`;

const acls = [
  '  acl accepts_json req.hdr(accept) -m sub -i json',
  '  acl near src 127.0.0.0/8 ::1',
  '  acl websocket req.hdr(upgrade) -m str -i websocket',
  '  acl has_coding req.hdr(transfer-encoding) -m found',
  // Of one name, so that either will do.
  '  acl has_content req.hdr_val(content-length) gt 0',
  '  acl has_content req.hdr(transfer-encoding) -m found',
  '  acl odd_coding req.ver 1.0',
  '  acl odd_coding req.hdr_cnt(transfer-encoding) gt 1',
  String.raw`  acl odd_path path -m sub /. % \\`,
];

const only_chunked = "The only Transfer-Encoding that is taken is 'chunked', once, in HTTP/1.1.";

/** What can be said of a request as it came. */
const oddAsItCame: Refused[] = [
  { status: 405, code: 'InvalidInput', message: 'CONNECT is not served here.', close: true, condition: 'METH_CONNECT' },
  invalid('The request target must be a path that begins with a slash.', '!{ path -m beg / }'),
  invalid('The request target must not hold a fragment (#).', "{ url -m sub '#' }"),
  invalid(
    'The request target must not hold user information.',
    "!{ url -m beg / } { url -m reg -i '^https?://[^/?]*@' }",
  ),
  invalid(
    "The path must not hold a backslash, a NUL, a malformed escape, or '.' or '..' segments, encoded or not.",
    `odd_path { path -m reg -i '${badEscapes}|${slash}${dots}(${slash}|;|%3b|$)' }`,
  ),
  invalid('The version of HTTP is not one that is served here.', '!{ req.ver 1.0 1.1 }', 505),
  invalid('There must be one Host field, not several.', '{ req.hdr_cnt(host) gt 1 }'),
  invalid('A Host field must be given.', '!{ req.hdr(host) -m found } { req.ver 1.1 }'),
  invalid(
    'Content-Length and Transfer-Encoding must not stand together.',
    'has_coding { req.hdr(content-length) -m found }',
  ),
  invalid(only_chunked, 'has_coding odd_coding'),
  invalid(only_chunked, 'has_coding !{ req.fhdr(transfer-encoding) -m str -i chunked }'),
  invalid(
    'The only expectation that is known is 100-continue.',
    '{ req.hdr(expect) -m found } !{ req.fhdr(expect) -m str -i 100-continue }',
    417,
  ),
];

/** What can be said of it once its host is where it belongs. */
const oddWithItsHost: Refused[] = [
  invalid('The Host field is not a valid host.', String.raw`{ req.fhdr(host) -m reg '[^!-~]|[/\\@?#,]' }`),
  // HAProxy takes Upgrade out of a request with a body, and leaves it in Connection.
  invalid('A request for a WebSocket must have no body.', 'has_content { req.fhdr(connection) -m sub -i upgrade }'),
];

/**
 * Rules of a frontend, ending with the choice of a backend: `txn.to`, where something leads the request elsewhere than to its service.
 * Every request pays for every rule, so a condition stands once, and what is rare and cheap to see stands before what is dear.
 */
export function requestRules({ files, role, internal_port, ports, stripped, secret }: RequestRules): string[] {
  const lengths = [...new Set(stripped.map(({ prefix }) => Buffer.byteLength(prefix)))].sort((a, b) => a - b);
  const is_led = '{ var(txn.to) -m found }';
  const route = `path,concat(/),map_beg(${files.routes})`;
  const is_known = '{ var(txn.service) -m found }';
  return [
    ...broughtOnwardRules(secret),
    ...acls,
    ...markOdd(oddAsItCame),
    // Absolute-form: the authority in the target is the host (RFC 9112, 3.2.2).
    `  http-request set-header Host %[url,regsub('^[Hh][Tt][Tt][Pp][Ss]?://',),regsub('[/?].*$',)] if !{ url -m beg / } !${is_led}`,
    `  http-request set-uri %[pathq] if !{ url -m beg / } !${is_led}`,
    ...markOdd(oddWithItsHost),
    `  http-request set-var(txn.to) str(onward) if { stopping } !${is_led}`,
    `  http-request allow if ${is_led}`,
    ...(role === 'external'
      ? [`  http-request set-var(txn.service) ${route},field(1,/)`]
      : [
          `  http-request set-var(txn.service) req.hdr(host),host_only,lower,rtrim(.),map_str(${files.hosts})${
            internal_port === null ? ' if FALSE' : ` if { dst_port ${internal_port} }`
          }`,
          ...ports.map(([name, port]) => `  http-request set-var(txn.service) str(${name}) if { dst_port ${port} }`),
        ]),
    `  http-request set-var(txn.refused) str(unknown) if !${is_known}`,
    `  http-request lua.mainstay_hold if { var(txn.service),map_str(${files.held}) -m found }`,
    `  http-request set-var(txn.to) str(refused-${role}) if { var(txn.refused) -m found }`,
    `  http-request set-var(txn.to) str(onward) if ${is_led} { stopping }`,
    `  http-request allow if ${is_led}`,
    ...oneHopRules,
    ...(lengths.length > 0 ? [`  http-request set-var(txn.strip) ${route},field(2,/)`] : []),
    ...lengths.flatMap((length) => {
      const when = `if { var(txn.strip) -m str ${length} }`;
      return [
        `  http-request set-header X-Forwarded-Prefix %[path,bytes(0,${length})] ${when}`,
        // It begins with exactly one slash, so that no backend takes //x for a host.
        `  http-request set-path /%[path,bytes(${length}),ltrim(/)] ${when}`,
      ];
    }),
    `  use_backend %[var(txn.to)] if ${is_led}`,
    '  use_backend svc:%[var(txn.service)]',
  ];
}

/**
 * The backend of what is sent onward. A worker of before a reload takes no commands for servers any more, and its routes may be
 * those of before. So whatever comes to it late, on a connection that was idle, or held until then, it sends as it came to the
 * worker that took over, with the word of who asked. A server without an address is the one to which the client connected.
 */
export const onwardBackend = (secret: string): string[] => [
  'backend onward',
  '  http-request set-var(txn.onward) bool(true)',
  `  http-request set-header ${onward_field} ${secret}/%[src]`,
  '  http-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE TRACE }',
  '  server current 0.0.0.0 pool-max-conn 0',
];

const broughtOnwardRules = (secret: string) => [
  `  http-request set-src req.fhdr(${onward_field}),field(2,/) if { req.fhdr(${onward_field}),field(1,/) -m str ${secret} }`,
  `  http-request del-header ${onward_field}`,
];

/** Backends that have no server, and say why. */
export const refusingBackends = (): string[] => [
  'backend refused',
  ...acls,
  ...[...oddAsItCame, ...oddWithItsHost].flatMap(refuse),
  ...(['external', 'internal'] as const).flatMap((role) => [
    `backend refused-${role}`,
    ...acls,
    // HAProxy goes on to the next rule when the client of a request that waits has left.
    '  http-request reject if { var(txn.refused) -m str gone }',
    ...refusedLater(role).flatMap(refuse),
  ]),
];

const later = {
  status: 503,
  code: 'Unavailable',
  hint: 'Repeat the request in a moment.',
  close: false,
  more: ' hdr Retry-After 2',
};
const refusedLater = (role: 'external' | 'internal'): Refused[] => [
  {
    status: 404,
    code: 'NotFound',
    message: role === 'internal' ? 'No service has this host name.' : 'No service has a route for this path.',
    hint: 'Routes and names of services are set in the stack file.',
    close: false,
    condition: '{ var(txn.refused) -m str unknown }',
  },
  {
    ...later,
    message: 'Too many requests are waiting for this service.',
    condition: '{ var(txn.refused) -m str many }',
  },
  {
    ...later,
    message: 'The service was held for longer than a request may wait.',
    condition: '{ var(txn.refused) -m str late }',
  },
];

/** Fields that end at the proxy, and those by which it tells the service who asked. */
const oneHopRules = [
  "  http-request lua.mainstay_drop_named if { req.fhdr(connection) -m reg -i '[^,\\s]' } !{ req.fhdr(connection) -m str -i keep-alive close upgrade }",
  '  http-request del-header Upgrade if !websocket',
  '  http-request del-header Keep-Alive',
  '  http-request del-header Proxy-Connection',
  '  http-request del-header Proxy-Authorization',
  '  http-request del-header X-Forwarded-Prefix',
  '  http-request del-header X-Forwarded-For if !near',
  '  http-request del-header X-Forwarded-Proto if !near',
  '  http-request del-header X-Forwarded-Host if !near',
  '  http-request del-header Forwarded if !near',
  '  http-request add-header X-Forwarded-For %[src]',
  '  http-request set-header X-Forwarded-Proto http if !{ req.hdr(x-forwarded-proto) -m found }',
  '  http-request set-header X-Forwarded-Host %[req.fhdr(host)] if !{ req.hdr(x-forwarded-host) -m found }',
  "  http-request set-header X-Request-Id %[uuid()] if !{ req.fhdr(x-request-id) -m reg '^[!-~]{1,128}$' }",
  // A request that may have been acted upon is not sent again.
  '  http-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE TRACE } or has_content or websocket',
];

/** Rules for answers. Only the proxy says which release gave one, and only inside. */
export function responseRules(files: ConfigFiles, role: 'external' | 'internal'): string[] {
  return [
    '  http-response lua.mainstay_drop_named_of_answer if { res.fhdr(connection) -m found } !{ res.fhdr(connection) -m str -i keep-alive close upgrade }',
    '  http-response del-header Proxy-Connection',
    '  http-response del-header Keep-Alive',
    role === 'internal'
      ? `  http-response set-header X-Mainstay-Release %[srv_name,map_str(${files.releases})] unless { var(txn.onward) -m found }`
      : '  http-response del-header X-Mainstay-Release',
  ];
}

/** Rules of a backend. Connections that stay refused are 502; 503 is kept for a service that has no release to go to. */
export const backendRules = [
  '  http-response set-var(txn.answered) bool(true)',
  '  http-after-response set-status 502 reason "Bad Gateway" if { status 503 } !{ var(txn.answered) -m found } { nbsrv gt 0 }',
];
