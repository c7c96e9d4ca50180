/**
 * Masks secrets in lines that leave the server: the values that this agent knows, and what has the shape of a key, so that a line which some
 * program wrote carelessly gives nothing away. A shape that nobody knows passes, as it does in the logs of services.
 */

export type Mask = (text: string) => string;

const masked = '[masked]';
/** Shorter values would mask half of what is written. */
const value_characters_min = 4;

/** Keys of Mainstay by their prefix, bearer tokens, tokens of JWS form, passwords in addresses and in `name=value`. */
const shapes: readonly [RegExp, string][] = [
  [/\bm[a-z]{2}_[A-Za-z0-9_-]{40,}(?:\.[0-9a-f]{64})?/g, masked],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, `$1 ${masked}`],
  [/\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){0,2}={0,2}/g, masked],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, `$1${masked}@`],
  [/((?:password|passwd|secret|token|api[_-]?key|private[_-]?key)["']?\s*[=:]\s*["']?)[^\s"',;&]{4,}/gi, `$1${masked}`],
];

/** @param values Values of secrets as they are, or JSON that holds them; of several lines, each is masked. */
export function createMask(values: readonly string[]): Mask {
  const parts = [
    ...new Set(values.flatMap((value) => [value, ...insideOf(value)]).flatMap((value) => value.split(/\r?\n/))),
  ]
    .map((part) => part.trim())
    .filter((part) => part.length >= value_characters_min)
    // What holds another is masked first.
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let clean = text;
    for (const part of parts) clean = clean.replaceAll(part, masked);
    for (const [shape, by] of shapes) clean = clean.replace(shape, by);
    return clean;
  };
}

/** The texts in a JSON object, such as a Git credential. */
function insideOf(value: string): string[] {
  if (!value.startsWith('{')) return [];
  try {
    const { kind: _, username: __, ...secret } = JSON.parse(value) as Record<string, unknown>;
    return Object.values(secret).filter((text) => typeof text === 'string');
  } catch {
    return [];
  }
}
