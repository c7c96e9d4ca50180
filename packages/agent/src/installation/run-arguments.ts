/** `run --config <file>`: the installed settings as the arguments that the agent takes. */
import { type AgentFile, readAgentFile } from './agent-file.ts';

/** Puts what the file says in the place of `--config <file>` in the arguments of this process. Other arguments stay. */
export function readRunArguments(): void {
  const [flag, path] = process.argv.slice(2);
  if (flag !== '--config' || path === undefined) return;
  const settings = readAgentFile(path);
  if (settings) process.argv.splice(2, 2, ...runArguments(settings), '--agent-file', path);
}

/** The command line of an agent with these settings. */
export function runArguments(settings: AgentFile): string[] {
  return [
    '--home',
    settings.home,
    '--url',
    settings.url,
    '--metrics-socket',
    `${settings.home}/agent.sock`,
    ...(settings.ca_file === null ? [] : ['--ca-file', settings.ca_file]),
    ...(settings.names ? ['--names'] : []),
    ...['--supervisor', settings.supervisor],
    ...['--proxy', settings.proxy],
  ];
}
