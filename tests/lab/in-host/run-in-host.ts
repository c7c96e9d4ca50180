/** Takes a program of the source, with Node, into a host and runs it there: one bundled file, fetched over the lab's network. */
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { build } from 'esbuild';
import type { Lab, LabHost } from '../open-lab.ts';
import type { HostTestResult } from './runner.ts';

const runner = join(import.meta.dirname, 'runner.ts');

export const host_node = '/usr/local/bin/node';

/** Bundles the program with the runner in the place of Vitest, and puts it into the host at `path`. Puts Node there as well. */
export async function takeIntoHost(lab: Lab, host: LabHost, entry: string, path: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    write: false,
    plugins: [
      {
        name: 'runner',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^vitest$/ }, ({ importer }) => (importer === runner ? null : { path: runner })),
      },
    ],
    banner: { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" },
  });
  const server = createServer((request, response) => {
    if (request.url === '/program') response.end(outputFiles[0]!.contents);
    else void pipeline(createReadStream(process.execPath), response).catch(() => {});
  });
  await new Promise<void>((resolve) => server.listen(0, lab.network.gateway, resolve));
  const url = `http://${lab.network.gateway}:${(server.address() as AddressInfo).port}`;
  try {
    if ((await host.exec(['test', '-x', host_node])).code !== 0) {
      await host.run(['curl', '-fsS', '-o', host_node, `${url}/node`], { timeout_ms: 300_000 });
      await host.run(['chmod', '0755', host_node]);
    }
    await host.run(['curl', '-fsS', '--create-dirs', '-o', path, `${url}/program`]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Runs a program of tests in the host and gives what each of them came to. Throws when the program itself failed. */
export async function runHostTests(host: LabHost, path: string, only = ''): Promise<HostTestResult[]> {
  // Nothing below /tmp, which units have for themselves.
  await host.run(['mkdir', '-p', '/srv/tests']);
  const result = await host.exec([host_node, path, only], {
    env: { TMPDIR: '/srv/tests' },
    cwd: '/srv/tests',
    timeout_ms: 1_800_000,
    output_bytes_max: 16 * 1024 * 1024,
  });
  const lines = result.stdout.split('\n').filter((line) => line.startsWith('{'));
  if (result.code !== 0 || lines.length === 0) {
    throw new Error(
      `the tests in the host ended with ${result.code ?? result.killed}:\n${result.stderr.slice(-4_000)}`,
    );
  }
  return lines.map((line) => JSON.parse(line) as HostTestResult);
}
