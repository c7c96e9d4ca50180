/**
 * `mainstay open`: signs a browser in on this machine. The link is a secret for one use, so that it is given to the
 * browser in a file that only this user can read, and not in an argv that every user can.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { safeText } from '../terminal/text.ts';

const file_lives_ms = 5_000;

export const registerOpen: Registration = (program, cli) => {
  const command = program
    .command('open')
    .summary('Open the dashboard in a browser, signed in')
    .description('Makes a one-time sign-in link, shows it, and opens it where there is a browser.');
  commonOptions(command).action(
    cli.action(async (options: CommonOptions) => {
      const output = await cli.connect(options).call('access.create_sign_in_link', {});
      const link = output.result?.url ?? null;
      if (options.json) cli.printJson(output);
      else if (link !== null) cli.print(safeText(link));
      const opener = openerOf(cli.terminal.env);
      if (link !== null && opener !== null && cli.terminal.out.isTTY && !options.json)
        await openInBrowser(opener, link);
      return 0;
    }),
  );
};

/** The program that opens files here; null where there is no desktop. */
function openerOf(env: Readonly<Record<string, string | undefined>>): string | null {
  if (process.platform === 'darwin') return 'open';
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? 'xdg-open' : null;
}

async function openInBrowser(opener: string, link: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-'));
  try {
    const page = join(folder, 'sign-in.html');
    const target = JSON.stringify(link).replaceAll('<', '\\u003c');
    writeFileSync(page, `<!doctype html><title>Mainstay</title><script>location.replace(${target})</script>\n`, {
      mode: 0o600,
    });
    const isStarted = await new Promise<boolean>((resolve) => {
      const child = spawn(opener, [page], { stdio: 'ignore', detached: true });
      child.once('error', () => resolve(false));
      child.once('spawn', () => resolve(true));
      child.unref();
    });
    if (isStarted) await new Promise((resolve) => setTimeout(resolve, file_lives_ms));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
