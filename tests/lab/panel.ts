/** A panel for hosts of a lab: the control plane and its keeper from the source, on the address by which the hosts reach this machine. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@mainstay/contract/client';
import type { Lab } from './open-lab.ts';

const root = join(import.meta.dirname, '..', '..');
/** Where `node scripts/setup.mjs --agent` has the agent of this source built. */
export const built_agent = join(root, 'node_modules', '.cache', 'mainstay', 'agent');

export type Panel = {
  home: string;
  /** As hosts reach it. */
  url: string;
  client: Client;
  /** What the command line says to these words, or throws with what it complained of. */
  cli(...argv: string[]): Promise<string>;
  /** Ends the panel's program; what it knows stays, until `start`. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
};

export type PanelOptions = {
  agent_dir?: string;
  port: number;
  tls?: boolean;
  /** Address by which hosts reach it, where something of the test's own stands before it. */
  public_url?: string;
};

/** Starts a panel with the built agent, and waits until it answers. With `tls` it is reached by https, by an authority of its own. */
export async function openPanel(lab: Lab, options: PanelOptions): Promise<Panel> {
  const { agent_dir = built_agent, port, tls = false } = options;
  if (!existsSync(join(agent_dir, 'release.json')))
    throw new Error('The agent is not built. Run: node scripts/setup.mjs --agent');
  const { gateway } = lab.network;
  const home = mkdtempSync(join(tmpdir(), 'mainstay-panel-'));
  const plain = options.public_url ?? `http://${gateway}:${port}`;
  const url = tls ? `https://${gateway}:${port + 1}` : plain;
  const front = tls ? await openFront(home, gateway, port) : null;
  const main = join(root, 'packages', 'control-plane', 'src', 'control-plane-main.ts');
  const argv = [main, '--home', home, '--host', gateway, '--port', `${port}`, '--public-url', url];
  const inside = `http://${gateway}:${port}`;
  let stop = async () => {};
  const start = async () => {
    const child = spawn(process.execPath, [...argv, '--agent-dir', agent_dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-20_000);
      });
    }
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    stop = async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(timer);
    };
    for (const end = Date.now() + 60_000; ; ) {
      const answers = existsSync(join(home, 'url')) && (await fetch(`${inside}/readyz`).catch(() => null))?.ok;
      if (answers) return;
      if (Date.now() > end || child.exitCode !== null) throw new Error(`The panel did not start:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const close = async () => {
    await stop();
    front?.close();
    front?.closeAllConnections();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  const token = readFileSync(join(home, 'cli-token'), 'utf8').trim();
  return {
    home,
    url,
    client: createClient({ url: inside, token }),
    cli: (...words) =>
      new Promise((resolve, reject) => {
        const cli = join(root, 'packages', 'cli', 'src', 'main.ts');
        const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: '', MAINSTAY_HOME: home };
        execFile(process.execPath, [cli, ...words], { env, timeout: 60_000 }, (error, stdout, stderr) =>
          error ? reject(new Error(stderr || error.message)) : resolve(stdout),
        );
      }),
    stop: () => stop(),
    start,
    close,
  };
}

/** What stands before a panel in the world: it ends TLS, here with a certificate that only the panel's own authority signed. */
async function openFront(home: string, address: string, port: number) {
  const folder = join(home, 'tls');
  mkdirSync(folder);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  openssl('req', '-x509', ...made, '-keyout', 'ca.key', '-out', '../ca.pem', '-subj', '/CN=Authority of the lab');
  openssl('req', ...made.slice(0, 5), '-keyout', 'panel.key', '-out', 'panel.csr', '-subj', '/CN=panel');
  writeFileSync(join(folder, 'names'), `subjectAltName=IP:${address}\n`);
  const signs = ['-CA', '../ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'panel.csr', '-out', 'panel.pem', ...signs);
  const [key, cert] = ['panel.key', 'panel.pem'].map((name) => readFileSync(join(folder, name)));
  const server = createServer({ key, cert }, (from, to) => {
    const { method, url: path, headers } = from;
    const onward = request({ host: address, port, method, path, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.once('error', () => to.destroy());
    to.once('close', () => onward.destroy());
    from.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(port + 1, address, resolve));
  return server;
}
