/**
 * How grave a log line is, found in its text: programs say it in a few dozen ways, and a stream says nothing (much that is
 * well goes to stderr). Pure, total, bounded in time by the head of the line that it looks at; a line in which nothing is
 * found has no level. Loads no schemas, so that pages can use it.
 */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

const words: Record<LogLevel, readonly string[]> = {
  debug: ['trace', 'trc', 'verbose', 'silly', 'fine', 'finer', 'finest', 'debug', 'dbg'],
  info: ['info', 'inf', 'information', 'informational', 'notice', 'log'],
  warn: ['warn', 'wrn', 'warning'],
  error: ['error', 'err', 'eror', 'severe', 'fatal', 'ftl', 'critical', 'crit', 'alert', 'emerg', 'emergency', 'panic'],
};
const levelByWord = new Map(logLevels.flatMap((level) => words[level].map((word) => [word, level] as const)));
const anyWord = [...levelByWord.keys()].sort((a, b) => b.length - a.length).join('|');

/** Names under which JSON logs carry the level, the more telling ones first. */
const jsonNames = [
  'level_name',
  'levelname',
  'severityText',
  'severity_text',
  'level',
  'severity',
  'log.level',
  'lvl',
  '@l',
];
/** Longer JSON is not parsed; its level is looked for in its head. */
const json_characters_max = 8_192;
const head_characters = 512;
/** Pieces before the level, such as a date, a time, a process and a thread. */
const pieces_max = 10;

const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const fatalStart =
  /^(?:Traceback \(most recent call last\)|panic: |fatal error: |thread '[^']*' (?:\(\d+\) )?panicked at|Uncaught |Unhandled |Segmentation fault|npm ERR!)/;
const exception = /^(?:[\w$]+\.)*[\w$]*(?:Error|Exception)(?: \[\w+\])?(?::|$)/;
const logfmt = /(?:^|\s)(?:level|lvl|severity|loglevel)="?([A-Za-z]+)"?(?=\s|$)/i;
const jsonHead = /"(?:level|severity|log\.level|lvl|levelname|level_name)"\s*:\s*(?:"([A-Za-z]+)"|(\d{1,3})\b)/;
/** klog and glog: `E0131 17:05:09.123456 …`; Ruby: `E, [2024-…`. */
const letterStart = /^([DIWEF])(?:\d{4} \d\d:\d\d:|, \[)/;
/** Columns between dashes or pipes: `2024-01-31 17:05:09,123 - module - ERROR - …`. */
const column = new RegExp(`\\s[-|]\\s+(${anyWord.toUpperCase()})\\s+[-|]\\s`);
const syslogStart = /^<([0-7])>/;
const npmStart = /^npm (warn|WARN|error)\b/;

const upperWord = new RegExp(`^(?:[\\w-]+\\.)?(${anyWord.toUpperCase()})(?![\\w=.])`);
/** In other than capitals a word counts only with what a level is set off by: `warning: …`, `error[E0308]`, `error TS2304:`. */
const anyCaseWord = new RegExp(`^(${anyWord})(?=[:!]|\\[\\w|\\s+[A-Z]+\\d+:|\\s*\\||$)`, 'i');
const bracketed = /^[[(<{]([^\])>}]{0,120})[\])>}]:?\s*/;
const insideBracket = new RegExp(`^\\s*(?:[\\w-]+[:.])?(${anyWord})\\s*$`, 'i');
const upperInsideBracket = new RegExp(`(?:^|\\s)(${anyWord.toUpperCase()})(?=\\s|$)`);
/** What may stand before the level: anything with a digit in it, punctuation, names of days, months and time zones. */
const passed =
  /^(?:(?=\S*\d)\S+|[-–—|*#:>~]+|UTC|GMT|Z|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*,?)\s+/;

/** The level of a line; null when it says none. */
export function logLevelOf(text: string): LogLevel | null {
  const parsed = text.length <= json_characters_max && text.trimStart().startsWith('{') ? jsonLevel(text) : undefined;
  if (parsed !== undefined) return parsed;
  const head = text.slice(0, head_characters).replace(colour, '').trimStart();
  if (head.startsWith('{')) {
    const match = jsonHead.exec(head);
    return match ? (match[1] ? ofWord(match[1]) : ofNumber(Number(match[2]))) : null;
  }
  if (fatalStart.test(head) || exception.test(head)) return 'error';
  const letter = letterStart.exec(head)?.[1];
  if (letter) return letter === 'D' ? 'debug' : letter === 'I' ? 'info' : letter === 'W' ? 'warn' : 'error';
  const syslog = syslogStart.exec(head)?.[1];
  if (syslog) return ofNumber(Number(syslog));
  const named = npmStart.exec(head) ?? logfmt.exec(head);
  return (named ? ofWord(named[1]!) : null) ?? leadingLevel(head) ?? ofWord(column.exec(head)?.[1] ?? '');
}

/** The word that leads the line, behind dates, numbers and brackets. */
function leadingLevel(head: string): LogLevel | null {
  let rest = head;
  for (let piece = 0; piece < pieces_max && rest !== ''; piece += 1) {
    const word = upperWord.exec(rest) ?? anyCaseWord.exec(rest);
    if (word) return ofWord(word[1]!);
    const bracket = bracketed.exec(rest);
    const inside = bracket ? (insideBracket.exec(bracket[1]!) ?? upperInsideBracket.exec(bracket[1]!)) : null;
    if (inside) return ofWord(inside[1]!);
    const skipped = bracket ?? passed.exec(rest);
    if (!skipped) return exception.test(rest) ? 'error' : null;
    rest = rest.slice(skipped[0].length);
  }
  return null;
}

/** The level that a line of JSON carries; undefined when it is no JSON object. */
function jsonLevel(text: string): LogLevel | null | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { log } = fields;
  const nested = typeof log === 'object' && log !== null && 'level' in log ? log.level : undefined;
  for (const value of [...jsonNames.map((name) => fields[name]), nested]) {
    const level = typeof value === 'string' ? ofWord(value) : typeof value === 'number' ? ofNumber(value) : null;
    if (level) return level;
  }
  return null;
}

function ofWord(word: string): LogLevel | null {
  return levelByWord.get(word.toLowerCase()) ?? null;
}

/** Numbers of syslog (0 to 7, the lower the graver), of pino and bunyan (10 to 60) and of Monolog (100 to 600). */
function ofNumber(value: number): LogLevel | null {
  if (!Number.isInteger(value) || value < 0 || value > 600) return null;
  if (value < 10) return value <= 3 ? 'error' : value === 4 ? 'warn' : value <= 6 ? 'info' : 'debug';
  const [info, warn, error] = value >= 100 ? [200, 300, 400] : [30, 40, 50];
  return value >= error! ? 'error' : value >= warn! ? 'warn' : value >= info! ? 'info' : 'debug';
}
