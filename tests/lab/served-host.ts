/** A server as people have it, to look at what is on it: the agent installed by its line, a service under systemd, and HAProxy before that. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import { host_node } from './in-host/run-in-host.ts';
import { type LabHost, openLab } from './open-lab.ts';
import { built_agent, openPanel, type Panel } from './panel.ts';

/** The port on which HAProxy serves. */
export const served_port = 8080;

export type ServedHost = { host: LabHost; panel: Panel; close(): Promise<void> };

export type ServedHostOptions = {
  /** Of the lab: at most 15 characters. */
  name: string;
  panel_port: number;
  /** Of the repository of service `web`, which runs its `server.mjs`. */
  files: Record<string, string>;
  /** Flags at the end of the line that installs the agent. */
  install?: string;
  /** Of the service; values by their names. */
  secrets?: Record<string, string>;
};

/** Opens a lab with server h1, which runs stack `app`; when this resolves the server was given it, and may not serve yet. */
export async function openServedHost(options: ServedHostOptions): Promise<ServedHost> {
  const { name, panel_port, files, install = '', secrets = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), `mainstay-${name}-`));
  const ends: (() => Promise<void>)[] = [async () => rmSync(folder, { recursive: true, force: true })];
  const close = async () => {
    for (let end = ends.pop(); end; end = ends.pop()) await end();
  };
  try {
    createRepository(join(folder, 'app')).commit(files);
    const lab = await openLab({ hosts: 1, name, packages: ['sudo', 'haproxy', 'nftables'] });
    ends.push(lab.down);
    const host = lab.host('h1');
    const git = await serveGit(folder, { address: lab.network.gateway });
    ends.push(git.close);
    const agent_dir = process.env['MAINSTAY_AGENT_DIR'] ?? built_agent;
    const panel = await openPanel(lab, { port: panel_port, agent_dir });
    ends.push(panel.close);
    await host.writeFile(host_node, readFileSync(process.execPath), '0755');
    const { result } = await panel.client['servers.invite']({ server: 'h1' });
    await host.run(['bash', '-c', `${result!.install!} ${install}`], { timeout_ms: 120_000 });
    for (const [name, value] of Object.entries(secrets))
      await panel.client['secrets.set']({ stack: 'app', name, value });
    const web = {
      source: { git: `${git.url}/app` },
      run: [host_node, 'server.mjs'],
      health: { interval_seconds: 0.5 },
      route: { prefix: '/' },
      secrets: Object.keys(secrets),
    };
    const proxy = { port: served_port, bind: 'public' as const };
    await panel.client['stacks.apply']({
      stack: 'app',
      spec: { poll_interval_seconds: 86_400, proxy, services: { web } },
    });
    await panel.client['servers.assign']({ server: 'h1', stack: 'app' });
    return { host, panel, close };
  } catch (error) {
    await close();
    throw error;
  }
}
