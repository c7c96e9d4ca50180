/**
 * What sources say about themselves: whether they read PORT, which port they fix, which path tells of their health. It is
 * read by patterns, not parsed: what it finds is a proposal with its reason, and a person has the last word.
 */
import { quoted, type Text } from './view.ts';

export type Port = { value: number | null; reason: string };
export type Health = { value: string | null; reason: string };

/** By name, wherever a language keeps its environment; or as a field of a checked one (`PORT: z.coerce.number()`). */
const reads_port =
  /(?:[eE]nv|ENV|environ|_SERVER)[^\n]{0,24}?\bPORT\b|\bPORT\b[^\n]{0,40}process\.env|\bPORT\s*:\s*(?:int\b|str\b|z\.|Joi\.|num\(|port\()/;

/** Each finds the digits of a port in its first group. */
const fixed_ports: readonly RegExp[] = [
  /\.listen\(\s*(?:\{\s*port:\s*)?(\d{2,5})\b/g,
  /\bserve\(\s*\{[^}]{0,80}?\bport:\s*(\d{2,5})\b/g,
  /\b(?:ListenAndServe(?:TLS)?|Run|Start|Listen)\([^\n)]{0,60}?"[^"\n]{0,60}:(\d{2,5})"/g,
  /\bAddr:\s*"[^"\n]{0,60}:(\d{2,5})"/g,
  /"(?:0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\]):(\d{2,5})"/g,
  /from\(\(\[[\d, ]{5,30}\],\s*(\d{2,5})\)\)/g,
  /\(\s*["'](?:[\d.]{7,15}|localhost)?["']\s*,\s*(\d{2,5})\s*\)/g,
  /\bport\s*(?::\s*\w{1,20}\s*)?=\s*(\d{2,5})\b/gi,
];
/** Ports of mail, databases and queues: what a service connects to, not what it listens on. */
const others_ports = new Set([25, 465, 587, 1433, 1521, 2379, 3306, 5432, 5672, 6379, 9042, 9092, 9200, 11211, 27017]);

export function portOf(texts: readonly Text[], exposed: Port | null = null): Port {
  for (const { path, text } of texts) {
    if (reads_port.test(text)) return { value: null, reason: `${path} reads PORT from its environment.` };
  }
  for (const { path, text } of texts) {
    for (const match of fixed_ports.flatMap((pattern) => [...text.matchAll(pattern)])) {
      const value = Number(match[1]);
      if (!isPort(value) || others_ports.has(value)) continue;
      return { value, reason: `${path} has ${quoted(match[0])}, and nothing that was read takes PORT.` };
    }
  }
  return (
    exposed ?? { value: null, reason: 'No fixed port was found: it must listen on the port that it is given in $PORT.' }
  );
}

export function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65_535;
}

const health_names = 'healthz|health|livez|readyz|health-?check|health_check|_health|heartbeat|ping|up';
const health_path = new RegExp(`["'\`](/(?:[a-z0-9_-]{1,20}/)?(${health_names})/?)["'\`]`, 'gi');
const rank = health_names.split('|').map((name) => new RegExp(`^${name}$`, 'i'));

/** The path that is most clearly there to tell of health. */
export function healthOf(texts: readonly Text[]): Health {
  const found = texts.flatMap(({ path, text }) =>
    [...text.matchAll(health_path)].map((match) => ({
      path,
      value: match[1]!,
      rank: rank.findIndex((pattern) => pattern.test(match[2]!)),
    })),
  );
  const best = found.sort((a, b) => a.rank - b.rank)[0];
  if (best) return { value: best.value, reason: `${best.path} names ${quoted(best.value)}.` };
  return { value: null, reason: 'No path such as /healthz was found: that its port takes connections is what counts.' };
}

/** Whether the sources have routes below this prefix themselves. */
export function namesPrefix(texts: readonly Text[], prefix: string): boolean {
  return texts.some(({ text }) => ['"', "'", '`'].some((mark) => text.includes(`${mark}${prefix}/`)));
}
