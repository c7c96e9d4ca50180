/**
 * The block of names in a hosts file: pure, on the file's bytes as latin1 text, so that what is not ours stays as it is to
 * the byte. It stands at the end: the first line of an address names it in reverse, and 127.0.0.1 is to stay `localhost`.
 * ```
 * 127.0.0.1 localhost
 * # BEGIN mainstay
 * 127.0.0.1 api.svc.internal
 * # END mainstay svc.internal
 * ```
 */
import type { NamesWanted } from './names.ts';

const begin = '# BEGIN mainstay';
const end = '# END mainstay';
/** Said in the first line: the file did not end with a line feed; the one before the block is ours. */
const lineFeedAdded = ' (the line feed before this line is not of the file)';
/** Said in the first line: there was no file. */
const fileMade = ' (there was no such file)';

/** What is in a file: its bytes without us, and our block as it stands there, null when there is none. */
export type HostsFile = { rest: string; block: string | null; was_made: boolean };

/** A line that only we write: a lone one is ours when it stands beside a mark. */
const ownLine = /^127\.0\.0\.1 [a-z0-9-]+(\.[a-z0-9-]+)+\n?$/;

/** Takes a file apart. A block whose end somebody deleted reaches as far as its lines are of our kind. */
export function readHosts(text: string): HostsFile {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const blocks: string[] = [];
  const kept: string[] = [];
  let was_made = false;
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    if (!line.startsWith(begin)) {
      if (line.startsWith(end)) blocks.push(`${takeLinesAbove(kept, line)}${line}`);
      else kept.push(line);
      at += 1;
      continue;
    }
    let next = at + 1;
    while (next < lines.length && !lines[next]?.startsWith(end) && !lines[next]?.startsWith(begin)) next += 1;
    const is_closed = lines[next]?.startsWith(end) ?? false;
    if (is_closed) next += 1;
    else for (next = at + 1; ownLine.test(lines[next] ?? ''); ) next += 1;
    blocks.push(lines.slice(at, next).join(''));
    // Only at the very end: before what others wrote after us it parts two lines.
    if (line.includes(lineFeedAdded) && next === lines.length) kept.push(kept.pop()?.replace(/\n$/, '') ?? '');
    if (line.includes(fileMade)) was_made = true;
    at = next;
  }
  return { rest: kept.join(''), block: blocks.length === 0 ? null : blocks.join(''), was_made };
}

/** An end without its beginning: what is right above and of the domain that it names is ours. */
function takeLinesAbove(kept: string[], line: string): string {
  const domain = line.slice(end.length).trim();
  let taken = '';
  for (let last = kept.at(-1); domain !== '' && last !== undefined; last = kept.at(-1)) {
    if (!ownLine.test(last) || !last.trimEnd().endsWith(`.${domain}`)) break;
    taken = `${kept.pop()}${taken}`;
  }
  return taken;
}

/** The file with the names in it; `rest` null when there is none yet. */
export function writeHosts(rest: string | null, { domain, services }: NamesWanted): { text: string; block: string } {
  const needs_line_feed = rest !== null && rest !== '' && !rest.endsWith('\n');
  const said = rest === null ? fileMade : needs_line_feed ? lineFeedAdded : '';
  const names = services.map(({ name }) => `127.0.0.1 ${name}.${domain}\n`).sort();
  const block = `${begin}${said}\n${names.join('')}${end} ${domain}\n`;
  return { text: `${rest ?? ''}${needs_line_feed ? '\n' : ''}${block}`, block };
}
