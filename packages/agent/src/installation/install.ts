/**
 * `mainstay-agent install`: makes this machine a server of a control plane. Each step looks first whether it is done, so that a run that
 * was cut short is finished by the next one, and a run on an installed server changes nothing and says so.
 *
 * The token is exchanged here, before anything is left on the machine: a token that has expired or a panel that cannot be reached is
 * told at once to who installs, and not to a journal. The agent itself never sees it.
 */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '@mainstay/contract/errors';
import { SecuritySettings } from '@mainstay/contract/server-state';
import { SecurityMode } from '@mainstay/contract/stack';
import { agent_version, serverFacts } from '../facts.ts';
import { enrol } from '../link/enrol.ts';
import { createLinkClient } from '../link/http.ts';
import { loadRemoval } from '../link/removal.ts';
import { credentialFor, loadIdentity, saveIdentity } from '../state/identity.ts';
import { forgetServerStates } from '../state/server-states.ts';
import { type AgentFile, places, readAgentFile, writeAgentFile, writeWhole } from './agent-file.ts';
import { askAgent } from './agent-socket.ts';
import { readRelease } from './release.ts';
import { waitUntilSecured } from './secured.ts';
import {
  checkMachine,
  findProgram,
  installMissing,
  run,
  runsOldExecutable,
  succeeds,
  unitProperties,
} from './system.ts';
import { unitText } from './unit.ts';

const seen_ms = 60_000;

type Wanted = {
  settings: AgentFile;
  token: string | null;
  ca: { path: string; text: Buffer } | null;
  programs: Record<string, string>;
};

/** Installs and enrols. Throws AppError that says what is wrong and what to do next. */
export async function runInstall(args: readonly string[]): Promise<void> {
  checkMachine();
  const wanted = readWanted(args);
  // The script that calls this keeps its own files to itself.
  process.umask(0o022);
  const began = performance.now();
  const { settings } = wanted;
  const known = loadIdentity(settings.home);
  // With a new token a server that was removed is enrolled as another one; what it runs stays.
  const is_removed = known !== null && wanted.token !== null && loadRemoval(settings.home, known.server_id) !== null;
  const enrolled = is_removed ? null : known;
  if (enrolled && enrolled.control_plane_url !== settings.url) {
    throw new AppError('Conflict', `This server is enrolled at ${enrolled.control_plane_url} as ${enrolled.server}.`, {
      field: 'url',
      hint: 'Take that back first: mainstay-agent uninstall',
    });
  }
  const changed: string[] = [];
  for (const name of await installMissing(wanted.programs)) changed.push(`package ${name}`);
  if (!enrolled) changed.push(`enrolled as ${await enrolHere(wanted)}`);
  if (wanted.ca && writeWhole(places.ca, wanted.ca.text, 0o644)) changed.push(places.ca);
  const binary = installBinary(changed);
  if (writeAgentFile(settings)) changed.push(places.settings);
  if (writeWhole(places.unit_file, unitText(binary), 0o644)) {
    changed.push(places.unit_file);
    await run(['systemctl', 'daemon-reload']);
  }
  await startUnit(changed);
  await waitUntilSeen();
  const { server } = loadIdentity(settings.home)!;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(
    changed.length === 0
      ? `Nothing to do: this server is ${server}, and the control plane sees it.\n`
      : `${changed.map((line) => `  ${line}\n`).join('')}The control plane sees this server as ${server} (after ${seconds} s).\n`,
  );
  process.stdout.write(`  ${settings.url}/servers/${server}\n`);
  if (changed.length > 0 && settings.security.mode !== 'none')
    process.stdout.write(`  Security mode ${await waitUntilSecured(settings.security)}.\n`);
}

function readWanted(args: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: 'string' },
      'token-file': { type: 'string' },
      'ca-file': { type: 'string' },
      'security-mode': { type: 'string' },
      'ssh-from': { type: 'string', multiple: true },
      'yes-cut-ssh': { type: 'boolean', default: false },
      release: { type: 'string' },
      signature: { type: 'string' },
      'no-names': { type: 'boolean', default: false },
      'with-haproxy': { type: 'boolean', default: false },
    },
  });
  const refuse = (field: string, message: string, hint: string) =>
    new AppError('InvalidInput', message, { field, hint });
  const url = values.url?.replace(/\/+$/, '');
  if (!url || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw refuse('url', '--url must be the address of the panel.', 'Such as --url https://panel.example.');
  }
  // What is left out stays as it was chosen when this server was installed: a plain line must not open what another one closed.
  const before = settingsBefore();
  const mode = SecurityMode.safeParse(values['security-mode'] ?? before?.security.mode ?? 'none');
  if (!mode.success) {
    throw refuse(
      'security-mode',
      `--security-mode "${values['security-mode']}" is not a mode.`,
      'Choose none, daemon-port or tunnel.',
    );
  }
  const cut_ssh = values['yes-cut-ssh'];
  const ssh_from = values['ssh-from'] ?? before?.security.ssh_from ?? [];
  const security = SecuritySettings.safeParse({ ...before?.security, mode: mode.data, ssh_from, cut_ssh });
  if (!security.success) {
    throw refuse(
      'ssh-from',
      `--ssh-from "${ssh_from.join(' ')}" is no network.`,
      'Such as 203.0.113.7/32, 10.0.0.0/8 or 2001:db8::/32; several by naming the option several times.',
    );
  }
  const token_file = values['token-file'];
  const ca_path = values['ca-file'];
  const release =
    values.release === undefined
      ? null
      : readRelease(
          readGiven(values.release, 'release'),
          readGiven(values.signature ?? '', 'signature').toString('utf8'),
        );
  return {
    settings: {
      url,
      home: places.home,
      ca_file: ca_path === undefined ? null : places.ca,
      names: !values['no-names'] && (before?.names ?? true),
      release_key: release?.release_key ?? null,
      supervisor: 'systemd',
      proxy: values['with-haproxy'] ? 'haproxy' : (before?.proxy ?? (findProgram('haproxy') ? 'haproxy' : 'embedded')),
      security: security.data,
    },
    token: token_file === undefined ? null : readGiven(token_file, 'token-file').toString('utf8').trim(),
    ca: ca_path === undefined ? null : { path: ca_path, text: readGiven(ca_path, 'ca-file') },
    programs: {
      git: 'git',
      ...(values['with-haproxy'] ? { haproxy: 'haproxy' } : {}),
      ...(mode.data === 'none' ? {} : { nft: 'nftables' }),
    },
  };
}

/** What was chosen before; damaged settings are written anew. */
function settingsBefore(): AgentFile | null {
  try {
    return readAgentFile();
  } catch {
    return null;
  }
}

function readGiven(path: string, field: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new AppError('InvalidInput', `--${field} ${path} cannot be read: ${(cause as Error).message}`, {
      field,
      cause,
    });
  }
}

/** Exchanges the token for an identity; gives the server's name. What it began to store is taken back when it fails for good. */
async function enrolHere({ settings, token, ca }: Wanted): Promise<string> {
  if (!token) {
    throw new AppError('InvalidInput', 'This machine is not enrolled, and no token was given.', {
      field: 'token-file',
      hint: 'Make one in the dashboard (Add a server) or by `mainstay servers invite NAME`, and give its file by --token-file.',
    });
  }
  const is_new = !existsSync(settings.home);
  mkdirSync(settings.home, { recursive: true, mode: 0o700 });
  // The authority is not in its place yet: nothing is, until the token was taken.
  const client = createLinkClient({ url: settings.url, ca_file: ca?.path });
  try {
    const identity = await enrol({
      client,
      control_plane_url: settings.url,
      token,
      credential: credentialFor(settings.home, token),
      agent_version,
      facts: serverFacts(settings.supervisor, settings.proxy),
      now: Date.now,
    });
    if (!is_new) await forgetRemoved(settings.home);
    saveIdentity(settings.home, identity);
    return identity.server;
  } catch (error) {
    if (is_new) rmSync(settings.home, { recursive: true, force: true });
    throw error;
  } finally {
    client.close();
  }
}

/** What belonged to the enrolment that was removed: numbers of reports, and states of the server that it was. Services run on meanwhile. */
async function forgetRemoved(home: string): Promise<void> {
  const known = loadIdentity(home);
  if (!known || !loadRemoval(home, known.server_id)) return;
  await succeeds(['systemctl', 'stop', places.unit]);
  for (const name of ['outbox.sqlite', 'outbox.sqlite-wal', 'outbox.sqlite-shm'])
    rmSync(join(home, name), { force: true });
  forgetServerStates(join(home, 'journal.sqlite'));
}

/** Puts this very executable in its place, unless a package owns it or it is there; gives its path. */
function installBinary(changed: string[]): string {
  const own = process.execPath;
  if (own === places.packaged_binary || own === places.binary) return own;
  if (existsSync(places.binary) && digest(places.binary) === digest(own)) return places.binary;
  mkdirSync(dirname(places.binary), { recursive: true });
  copyFileSync(own, `${places.binary}.new`);
  chmodSync(`${places.binary}.new`, 0o755);
  renameSync(`${places.binary}.new`, places.binary);
  changed.push(places.binary);
  return places.binary;
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function startUnit(changed: string[]): Promise<void> {
  if (!(await succeeds(['systemctl', 'is-enabled', '--quiet', places.unit]))) {
    await run(['systemctl', 'enable', '--quiet', places.unit]);
    changed.push(`${places.unit} enabled`);
  }
  const { ActiveState, MainPID } = await unitProperties(places.unit, ['ActiveState', 'MainPID']);
  if (ActiveState === 'active' && changed.length === 0 && !runsOldExecutable(Number(MainPID))) return;
  // A restart leaves services and proxy running.
  await run(['systemctl', 'restart', places.unit]);
  changed.push(`${places.unit} ${ActiveState === 'active' ? 'restarted' : 'started'}`);
}

/** Waits until the control plane has acknowledged a heartbeat. */
async function waitUntilSeen(): Promise<void> {
  const deadline = Date.now() + seen_ms;
  while (Date.now() < deadline) {
    if ((await askAgent())?.connected) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new AppError('Timeout', `The agent runs, but within ${seen_ms / 1000} s the control plane did not see it.`, {
    hint: `Look for why: journalctl -u ${places.unit} -n 50 --no-pager; then mainstay-agent doctor. It goes on trying by itself.`,
  });
}
