/**
 * Reads the text of a .env file: `NAME=value` lines, comments, `export`, single and double quotes (which may span lines; in
 * double ones \n, \t, \" and \\ are escapes). Nothing is expanded: `$HOME` stays as it is.
 */
import { envNamePattern } from '@mainstay/contract/env-names';
import { environment as texts } from '../../../texts/stack/environment.ts';

export type EnvEntry = { name: string; value: string };
export type EnvBlock = { entries: EnvEntry[]; problems: { line: number; why: string }[] };

/** Of a name that stands twice the last value counts, as shells do. */
export function parseEnvBlock(text: string): EnvBlock {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const entries = new Map<string, string>();
  const problems: EnvBlock['problems'] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = (lines[index] ?? '').trim().replace(/^export\s+/, '');
    if (line === '' || line.startsWith('#')) continue;
    const at = line.indexOf('=');
    const name = line.slice(0, at).trim();
    if (at < 0) problems.push({ line: index + 1, why: texts.block.notAssignment });
    else if (!envNamePattern.test(name)) problems.push({ line: index + 1, why: texts.block.badName });
    else {
      const rest = line.slice(at + 1).trim();
      const quote = /^["'`]/.exec(rest)?.[0];
      if (quote === undefined) {
        entries.set(name, rest.replace(/(^|\s)#.*$/, '').trim());
        continue;
      }
      const begun = index;
      let body = rest.slice(1);
      let end = closing(body, quote);
      while (end < 0 && index + 1 < lines.length) {
        body += `\n${lines[++index]}`;
        end = closing(body, quote);
      }
      if (end < 0) {
        problems.push({ line: begun + 1, why: texts.block.openQuote });
        index = begun;
      } else entries.set(name, quote === '"' ? unescaped(body.slice(0, end)) : body.slice(0, end));
    }
  }
  return { entries: [...entries].map(([name, value]) => ({ name, value })), problems };
}

/** Where the quote is closed; -1 when it is not. */
function closing(body: string, quote: string): number {
  for (let at = 0; at < body.length; at++) {
    if (quote === '"' && body[at] === '\\') at++;
    else if (body[at] === quote) return at;
  }
  return -1;
}

const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r' };

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (whole, character: string) => {
    if (character in escapes) return escapes[character] ?? whole;
    return character === '"' || character === '\\' || character === '$' ? character : whole;
  });
}

/** A .env file that reads back as these variables. */
export function envBlockOf(env: Record<string, string>): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}=${/^[\w./:@%+,-]*$/.test(value) ? value : quoted(value)}`)
    .join('\n');
}

function quoted(value: string): string {
  const body = value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
  return `"${body}"`;
}
