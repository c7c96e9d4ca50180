/**
 * Subjects and their patterns, with the meaning that NATS gives them: tokens between dots; in a pattern `*` stands for exactly one
 * token, and `>` at the end for one or more. Pure, so that every adapter can use it where its server has no subjects (Redis).
 */
const token = /^[A-Za-z0-9_-]+$/;
const characters_max = 200;
const tokens_max = 16;

/** Whether this can be published to: 1 to 16 tokens of letters, digits, `_` and `-`, at most 200 characters. */
export function isSubject(text: string): boolean {
  const tokens = tokensOf(text);
  return tokens?.every((part) => token.test(part)) ?? false;
}

/** Whether this is a subject or a pattern of subjects. */
export function isPattern(text: string): boolean {
  const tokens = tokensOf(text);
  return (
    tokens?.every((part, i) => token.test(part) || part === '*' || (part === '>' && i === tokens.length - 1)) ?? false
  );
}

/** A test of subjects: whether one fits at least one of the patterns. */
export function subjectMatcher(patterns: readonly string[]): (subject: string) => boolean {
  return (subject) => patterns.some((pattern) => covers(pattern, subject));
}

/** Whether every subject that fits `inner`, a subject or a pattern, fits `outer`. */
export function covers(outer: string, inner: string): boolean {
  const wide = outer.split('.');
  const narrow = inner.split('.');
  for (const [i, part] of wide.entries()) {
    const other = narrow[i];
    if (other === undefined) return false;
    if (part === '>') return true;
    if (part === '*' ? other === '>' : part !== other) return false;
  }
  return wide.length === narrow.length;
}

function tokensOf(text: string): string[] | null {
  if (text.length > characters_max) return null;
  const tokens = text.split('.');
  return tokens.length <= tokens_max ? tokens : null;
}
