/** Text as one word of a command line that a person copies. */

/** A word for a POSIX shell, exactly as it is. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
