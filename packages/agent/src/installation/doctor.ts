/** `mainstay-agent doctor`: looks for what is wrong on this machine, and says how to put it right. Exit code 1 when something is. */
import { parseArgs } from 'node:util';
import { readAgentFile } from './agent-file.ts';
import { askAgent } from './agent-socket.ts';
import { checks, type Finding } from './checks.ts';

/** Prints what each check found and sets the exit code. */
export async function runDoctor(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } });
  const settings = readAgentFile();
  const found: (Finding & { name: string })[] = [];
  for (const { name, look } of checks) {
    const finding = await look(settings, askAgent).catch(
      (error: Error): Finding => ({ ok: false, message: error.message }),
    );
    if (finding) found.push({ name, ...finding });
  }
  if (found.some(({ ok }) => !ok)) process.exitCode = 1;
  if (values.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
  else {
    for (const { name, ok, message, fix } of found) {
      process.stdout.write(
        `${ok ? 'ok   ' : 'WRONG'}  ${name.padEnd(9)} ${message}\n${fix ? `${' '.repeat(17)}${fix}\n` : ''}`,
      );
    }
  }
}
