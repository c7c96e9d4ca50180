/** Waits until the control plane answers, or tells why it cannot. */
import { readFileSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';
import type { BackgroundProgram } from './background-program.ts';
import type { HomeLayout } from './installation.ts';
import { parseLogLine } from './program-log.ts';

const ready_within_ms = 60_000;
const poll_ms = 50;

/** Resolves with its address and this machine's token. A first start that ends is not tried again: its reason is told. */
export async function untilReady(
  program: BackgroundProgram,
  layout: HomeLayout,
  signal: AbortSignal,
): Promise<{ url: string; token: string }> {
  const deadline = Date.now() + ready_within_ms;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    if (program.ended() !== null) {
      throw new AppError(
        'Unavailable',
        `The control plane could not start (${program.ended()}).${lastWords(program)}`,
        {
          hint: `Its log is in ${layout.logs}.`,
        },
      );
    }
    const url = readText(layout.url);
    const token = readText(layout.token);
    if (url && token && (await answers(`${url}/readyz`))) return { url, token };
    await new Promise((resolve) => setTimeout(resolve, poll_ms));
  }
  throw new AppError(
    'Timeout',
    `The control plane was not ready within ${ready_within_ms / 1000} s.${lastWords(program)}`,
    {
      hint: `Its log is in ${layout.logs}.`,
    },
  );
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function lastWords(program: BackgroundProgram): string {
  const words = program
    .tail()
    .slice(-6)
    .map((line) => parseLogLine(line)?.message ?? line);
  return words.length === 0 ? '' : `\n${words.join('\n')}`;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}
