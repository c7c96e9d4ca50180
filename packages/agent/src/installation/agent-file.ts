/**
 * /etc/mainstay/agent.json: what was chosen when the agent was installed, and where its things are. No secret stands in it. The unit
 * starts the agent by it, and `status`, `doctor` and `uninstall` find by it what belongs to the agent.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { SecuritySettings } from '@mainstay/contract/server-state';
import * as z from 'zod';

/** Where everything of an installed agent lies. */
export const places = {
  binary: '/usr/local/bin/mainstay-agent',
  /** The one before the last update. */
  previous_binary: '/usr/local/bin/mainstay-agent.previous',
  /** What `.deb` packages install. */
  packaged_binary: '/usr/bin/mainstay-agent',
  settings_folder: '/etc/mainstay',
  settings: '/etc/mainstay/agent.json',
  ca: '/etc/mainstay/ca.pem',
  home: '/var/lib/mainstay-agent',
  socket: '/var/lib/mainstay-agent/agent.sock',
  unit: 'mainstay-agent.service',
  unit_file: '/etc/systemd/system/mainstay-agent.service',
} as const;

export const AgentFile = z.strictObject({
  url: z.url(),
  home: z.string().startsWith('/'),
  /** PEM file of the authority that signed the panel's certificate; null for the system's own authorities. */
  ca_file: z.string().startsWith('/').nullable(),
  /** Services are known as <service>.svc.internal on this server. */
  names: z.boolean(),
  /** Key of the releases that this agent trusts, base64url; null where it came from elsewhere, such as a package. */
  release_key: z.string().nullable(),
  /** What runs services and builds. */
  supervisor: z.enum(['process', 'systemd']).default('systemd'),
  /** What serves: as it was found at the installation, since a proxy is not exchanged by a package that comes or goes. */
  proxy: z.enum(['embedded', 'haproxy']).default('embedded'),
  /** Holds until a server state is signed for this server. */
  security: SecuritySettings,
});
export type AgentFile = z.infer<typeof AgentFile>;

/** The stored settings; null where the agent is not installed. Throws AppError when they are damaged. */
export function readAgentFile(path: string = places.settings): AgentFile | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('Unavailable', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return AgentFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new AppError('InvalidInput', `${path} is damaged.`, {
      field: 'config',
      hint: 'Install the agent again with the line that the dashboard shows; what runs on this server is kept.',
      cause,
    });
  }
}

/** Stores the settings whole or not at all; true when they are others than before. */
export function writeAgentFile(settings: AgentFile, path: string = places.settings): boolean {
  return writeWhole(path, `${JSON.stringify(settings, null, 2)}\n`, 0o644);
}

/** Writes a file in one piece, unless it is so already; true when it was written. */
export function writeWhole(path: string, text: string | Buffer, mode: number): boolean {
  const wanted = Buffer.from(text);
  try {
    if (readFileSync(path).equals(wanted)) return false;
  } catch {
    // Not there yet.
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, wanted, { mode });
  renameSync(`${path}.new`, path);
  return true;
}
