/** `mainstay completion`: completion scripts for shells, made from the commands themselves. */
import { AppError } from '@mainstay/contract/errors';
import type { Command } from 'commander';
import type { Registration } from '../cli.ts';

/** Words that may follow a command: its subcommands and its options. `path` is the command's words, `''` the program. */
type Completion = { path: string; words: string[] };

const shells = { bash, zsh, fish } as const;

export const registerCompletion: Registration = (program, cli) => {
  program
    .command('completion')
    .summary('Print a completion script for a shell')
    .description(
      'Prints a completion script. For bash: source <(mainstay completion bash). For zsh: the same with zsh, after compinit. For fish: mainstay completion fish | source.',
    )
    .argument('<shell>', 'bash, zsh or fish')
    .action(
      cli.action(async (shell: string) => {
        const script = Object.entries(shells).find(([name]) => name === shell)?.[1];
        if (!script) {
          throw new AppError('InvalidInput', `There is no completion for "${shell}".`, {
            field: 'shell',
            hint: `Give one of: ${Object.keys(shells).join(', ')}.`,
          });
        }
        cli.print(script(completionsOf(program)));
        return 0;
      }),
    );
};

function completionsOf(command: Command, path: readonly string[] = []): Completion[] {
  const names = command.commands.flatMap(namesOf);
  const fallback = command.commands.find((child) => isDefault(command, child));
  const shown = [...command.options, ...(fallback?.options ?? [])].filter((option) => !option.hidden);
  const options = shown.flatMap((option) => option.long ?? []);
  const own = { path: path.join(' '), words: [...new Set([...names, ...options, '--help'])] };
  const ofChild = (child: Command) => namesOf(child).flatMap((name) => completionsOf(child, [...path, name]));
  return [own, ...command.commands.flatMap(ofChild)];
}

function namesOf(command: Command): string[] {
  return [command.name(), ...command.aliases()];
}

function isDefault(parent: Command, child: Command): boolean {
  return (parent as Command & { _defaultCommandName?: string })._defaultCommandName === child.name();
}

function bash(completions: readonly Completion[]): string {
  const cases = completions.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`);
  return `_mainstay() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      -*) break ;;
      *) path="\${path:+$path }$word" ;;
    esac
  done
  while :; do
    _mainstay_words "$path" && break
    [[ "$path" == *' '* ]] || break
    path="\${path% *}"
  done
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
_mainstay_words() {
  case "$1" in
${cases.join('\n')}
    *) return 1 ;;
  esac
}
complete -o default -F _mainstay mainstay`;
}

function zsh(completions: readonly Completion[]): string {
  return `autoload -U +X bashcompinit && bashcompinit
${bash(completions)}`;
}

function fish(completions: readonly Completion[]): string {
  const lines = completions.map(({ path, words }) => {
    const depth = path === '' ? 0 : path.split(' ').length;
    return `complete -c mainstay -n '__mainstay_at ${depth} "${path}"' -a '${words.join(' ')}'`;
  });
  return `function __mainstay_at
  set -l words (string match -v -- '-*' (commandline -opc)[2..])
  if test (count $words) -gt 0
    test (string join ' ' $words[1..(math "min($argv[1], "(count $words)")")]) = "$argv[2]"
  else
    test "$argv[2]" = ''
  end
end
${lines.join('\n')}`;
}
