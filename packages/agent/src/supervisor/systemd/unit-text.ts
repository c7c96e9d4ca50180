/**
 * The texts that systemd reads: unit files and files of environment variables. Pure. What a person wrote (words of a
 * command, values of variables, folder names) comes out of systemd's parsers as it went in: systemd.syntax(7),
 * systemd.service(5) "COMMAND LINES", systemd.exec(5) `EnvironmentFile=`.
 */

/** A setting of a unit, `%` not yet doubled: what `systemd-run -p` takes as it is, and a unit file after `unitText`. */
export type Setting = readonly [name: string, value: string];

export type Sections = { Unit: readonly Setting[]; Service: readonly Setting[] };

/** A word in double quotes, with the escapes of C that systemd.syntax(7) knows. */
export function quoteWord(word: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  const escaped = word.replace(/["\\]|[\x00-\x1f\x7f]/g, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}

/** The value of ExecStart=: `:` keeps `$` from being replaced, quotes keep `;` from ending the command. */
export function commandLine(argv: readonly string[]): string {
  const [file, ...args] = argv;
  return [`:${quoteWord(file ?? '')}`, ...args.map(quoteWord)].join(' ');
}

/** The words for `systemd-run`, in which the service manager replaces variables, but not specifiers. */
export function runWords(argv: readonly string[]): string[] {
  return argv.map((word) => word.replaceAll('$', '$$$$'));
}

/** Settings in which `%` is what it is. */
const without_specifiers = new Set(['CPUQuota']);

/** The text of a unit file. `%` would begin a specifier, so it is doubled in all settings that have them. */
export function unitText(sections: Sections): string {
  return Object.entries(sections)
    .map(([section, settings]) => {
      const lines = settings.map(([name, value]) => {
        return `${name}=${without_specifiers.has(name) ? value : value.replaceAll('%', '%%')}\n`;
      });
      return `[${section}]\n${lines.join('')}`;
    })
    .join('\n');
}

/** The text of an environment file: in double quotes, a backslash keeps these four, and newlines stay as they are. */
export function environmentText(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => `${name}="${value.replace(/["\\$`]/g, (character) => `\\${character}`)}"\n`)
    .join('');
}
