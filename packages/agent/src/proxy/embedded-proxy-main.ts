/**
 * The embedded proxy as a process of its own: `node embedded-proxy-main.ts --state <folder> [--limits <json>]`.
 * The folder must be there. It serves what was applied last, at once after a start, and knows nothing of the agent that drives it.
 *
 * Exit codes: 0 stopped, 1 could not start, 3 another proxy has the folder.
 */
import { fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from './server/config.ts';
import { openControl } from './server/control.ts';
import { createDataPlane } from './server/data-plane.ts';
import { defaultLimits, type ProxyLimits } from './server/limits.ts';
import { takeLock } from './server/lock.ts';

const log_bytes_max = 1024 * 1024;

/** Writes a line to stderr, which the agent points at a file; the file starts again when it is full. */
function log(message: string): void {
  try {
    const status = fstatSync(2);
    if (status.isFile() && status.size > log_bytes_max) ftruncateSync(2, 0);
    writeSync(2, `${JSON.stringify({ level: 'info', time: new Date().toISOString(), name: 'proxy', msg: message })}\n`);
  } catch {
    // A full disk must not stop the traffic.
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { state: { type: 'string' }, limits: { type: 'string' } } });
  if (!values.state) throw new Error('--state <folder> is missing');
  const limits: ProxyLimits = { ...defaultLimits, ...JSON.parse(values.limits ?? '{}') };
  process.umask(0o077);
  if (!takeLock(values.state)) {
    log('another proxy has this folder');
    process.exit(3);
  }
  const plane = createDataPlane(limits);
  const config = await loadConfig(values.state);
  if (config) for (const { message } of await plane.apply(config)) log(message);
  await openControl({
    folder: values.state,
    socket_path: join(values.state, 'control.sock'),
    plane,
    log,
    onStopped: () => process.exit(0),
  });
  log(`serving, pid ${process.pid}`);
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      void plane.stop(10_000).then(() => process.exit(0));
    });
  }
}

main().catch((error: Error) => {
  log(`cannot start: ${error.message}`);
  process.exit(1);
});
