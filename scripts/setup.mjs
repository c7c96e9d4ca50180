#!/usr/bin/env node
/**
 * Set-up: what `npm start`, `npm test` and `npm run bench` do before anything else. Plain JavaScript that needs nothing
 * installed, because it runs on the machine's own Node (20 or newer) and brings Node 24 in as a dependency.
 *
 *   --build   packages installed, dist/ built
 *   --test    the same, and the Debian packages that the tests use
 *   --bench   the same, and the peers that the benchmark compares with
 *   --lab     packages installed, and the Debian packages that boot hosts in the lab
 *   --agent   packages installed, and the agent's executable for this machine's architecture, which hosts in the lab install
 *
 * Nothing is done twice: what was installed and built is remembered by the hash of what it was made from.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const binaries = join(root, 'node_modules', '.bin');
const nodeNeeded = 24;
const flags = new Set(process.argv.slice(2));
const known = ['--build', '--test', '--bench', '--lab', '--agent'];
const unknown = [...flags].filter((flag) => !known.includes(flag));
if (unknown.length > 0) fail(`Unknown option ${unknown[0]}.`, `Use one of ${known.join(', ')}.`);

/** The Debian packages that give a program; what is not there already is installed where that is possible. */
const debian = {
  test: [
    ['git', 'git', 'tests that need Git repositories'],
    ['ssh-keygen', 'openssh-client', 'tests of deploy keys'],
    ['python3', 'python3', 'the Python service of the examples'],
    ['prlimit', 'util-linux', 'tests of build limits'],
    ['ps', 'procps', 'tests that count processes'],
    ['nft', 'nftables', 'tests of the firewall'],
    ['ip', 'iproute2', 'tests of the firewall'],
    ['chromium', 'chromium', 'browser tests'],
    ['haproxy', 'haproxy', 'tests of HAProxy'],
  ],
  bench: [
    ['wrk', 'wrk', 'load in the benchmark'],
    ['caddy', 'caddy', 'Caddy as a peer in the benchmark'],
    ['nginx', 'nginx-light', 'nginx as a peer in the benchmark'],
    ['haproxy', 'haproxy', 'HAProxy in the benchmark'],
    ['redis-server', 'redis-server', 'Redis, on which a peer of the orchestrator runs'],
    ['dnsmasq', 'dnsmasq-base', 'dnsmasq as a peer of the DNS responder'],
  ],
  lab: [
    ['systemd-nspawn', 'systemd-container', 'hosts in the lab'],
    ['mmdebstrap', 'mmdebstrap', 'images of hosts in the lab'],
    ['nft', 'nftables', 'the network of the lab'],
    ['ip', 'iproute2', 'the network of the lab'],
    ['mke2fs', 'e2fsprogs', 'disks of hosts in the lab'],
    ['qemu-system-x86_64', 'qemu-system-x86', 'virtual machines in the lab'],
    ['qemu-img', 'qemu-utils', 'disks of virtual machines in the lab'],
  ],
};

await main();

async function main() {
  checkTools();
  await installPackages();
  checkNode();
  if (flags.has('--test')) await installDebian(debian.test);
  if (flags.has('--bench')) await installDebian(debian.bench);
  if (flags.has('--lab')) await installDebian(debian.lab);
  if (flags.has('--agent')) await buildAgent();
  if ([...flags].some((flag) => !['--lab', '--agent'].includes(flag))) await build();
}

function checkTools() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) fail(`Node ${process.versions.node} is too old.`, 'Install Node 20 or newer: https://nodejs.org/');
  if (!existsSync(join(root, 'package-lock.json'))) {
    fail(
      'package-lock.json is missing.',
      'Clone the repository anew, or restore the file: git checkout package-lock.json',
    );
  }
  if (!which('npm', ownPath())) fail('npm was not found.', 'Install npm 9 or newer; it usually comes with Node.');
  if (!which('git', ownPath()) && !canInstallDebian()) {
    fail('git was not found.', 'Install it first, on Debian or Ubuntu with: apt-get install git');
  }
}

/** `npm ci`, when package-lock.json or a package.json is another than the one that was installed. */
async function installPackages() {
  const stampFile = join(root, 'node_modules', '.mainstay-setup');
  const manifests = [join(root, 'package.json'), join(root, 'package-lock.json')];
  for (const name of readdirSync(join(root, 'packages'))) manifests.push(join(root, 'packages', name, 'package.json'));
  const stamp = hashOf(manifests, `${process.platform} ${process.arch}`);
  if (readIfThere(stampFile) === stamp && existsSync(join(root, 'node_modules', 'esbuild'))) return;
  // npm runs on the machine's own Node: the one in node_modules is about to be replaced.
  await step(
    'Installing packages (npm ci)',
    'npm',
    ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--loglevel=error'],
    {
      env: { ...process.env, PATH: ownPath() },
      hint: 'Is the npm registry reachable from here? The lines above say what npm ran into.',
    },
  );
  writeFileSync(stampFile, stamp);
}

/** The Node that everything after set-up runs on: `node_modules/.bin` comes first in the PATH of npm's scripts. */
function checkNode() {
  const bundled = join(binaries, 'node');
  const node = existsSync(bundled) ? bundled : 'node';
  const result = spawnSync(node, ['--version'], { encoding: 'utf8', timeout: 30_000 });
  const version = /^v(\d+)\./.exec(result.stdout ?? '');
  if (version && Number(version[1]) >= nodeNeeded) return;
  const found = version ? `Node ${result.stdout.trim().slice(1)}` : 'no Node that runs';
  fail(
    `Mainstay runs on Node ${nodeNeeded}, and found ${found} for ${process.platform} ${process.arch}.`,
    `Node ${nodeNeeded} comes along on Linux x64 and arm64 (glibc); elsewhere install it first: https://nodejs.org/`,
  );
}

async function installDebian(wanted) {
  let missing = wanted.filter(([program]) => !which(program, process.env.PATH));
  if (missing.length > 0 && canInstallDebian()) {
    const packages = [...new Set(missing.map((entry) => entry[1]))];
    const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages];
    const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, tolerant: true };
    // Lists of packages that are fresh enough spare the update; where they are not, the first attempt fails.
    const label = `Installing Debian packages: ${packages.join(' ')}`;
    if (!(await step(label, install[0], install.slice(1), { ...options, quiet: true }))) {
      await step('Updating the lists of Debian packages (apt-get update)', 'apt-get', ['update', '-q'], options);
      await step(label, install[0], install.slice(1), options);
    }
    missing = missing.filter(([program]) => !which(program, process.env.PATH));
  }
  for (const [program, name, use] of missing) {
    say(`Left out: ${use}, because there is no "${program}" here. To have it: apt-get install ${name}`);
  }
}

/** Builds dist/ when a source is another than the one that it was built from. */
async function build() {
  const stampFile = join(root, 'dist', '.stamp');
  const sources = [join(root, 'package-lock.json'), join(root, 'scripts', 'build.ts')];
  for (const folder of ['packages', 'examples']) filesIn(join(root, folder), sources);
  const stamp = hashOf(sources, '');
  if (readIfThere(stampFile) === stamp) return;
  const node = existsSync(join(binaries, 'node')) ? join(binaries, 'node') : process.execPath;
  await step('Building', node, [join(root, 'scripts', 'build.ts')], { hint: 'The lines above say what is wrong.' });
  writeFileSync(stampFile, stamp);
}

/** Builds the agent's executable for this machine when a source is another than the one that it was built from. */
async function buildAgent() {
  const folder = join(root, 'node_modules', '.cache', 'mainstay', 'agent');
  const sources = [join(root, 'package-lock.json')];
  for (const name of ['agent', 'contract', 'runtime']) filesIn(join(root, 'packages', name), sources);
  filesIn(join(root, 'scripts'), sources);
  const stamp = hashOf(sources, process.arch);
  if (readIfThere(join(folder, '.stamp')) === stamp) return;
  const node = existsSync(join(binaries, 'node')) ? join(binaries, 'node') : process.execPath;
  const argv = [join(root, 'scripts', 'build-agent.ts'), '--arch', process.arch, '--out', folder];
  await step("Building the agent's executable", node, argv, { hint: 'The lines above say what is wrong.' });
  writeFileSync(join(folder, '.stamp'), stamp);
}

/** Runs one step and shows how long it takes; its own output is shown only when it fails. */
function step(label, file, args, options = {}) {
  return new Promise((resolve) => {
    const started = Date.now();
    const live = process.stdout.isTTY === true;
    const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`;
    const show = () => process.stdout.write(`\r${label} … ${seconds()} `);
    if (live) show();
    else say(`${label} …`);
    const ticker = live ? setInterval(show, 1000) : undefined;
    const child = spawn(file, args, { cwd: root, env: options.env ?? process.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), 15 * 60_000);
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = (ok, why) => {
      clearInterval(ticker);
      clearTimeout(timer);
      if (live) process.stdout.write(`\r${label} … ${ok ? 'done' : 'failed'} after ${seconds()}\n`);
      else if (ok) say(`${label} … done after ${seconds()}`);
      if (!ok && !options.quiet) process.stderr.write(`${output.trim()}\n`);
      if (!ok && !options.tolerant) fail(`${label} failed (${why}).`, options.hint);
      resolve(ok);
    };
    child.once('error', (error) => end(false, error.message));
    child.once('close', (code, signal) => end(code === 0, signal ?? `exit code ${code}`));
  });
}

function canInstallDebian() {
  return process.getuid?.() === 0 && which('apt-get', process.env.PATH);
}

/** PATH without the folders that npm puts in front of it for its scripts. */
function ownPath() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.filter((folder) => !/node_modules[\\/]\.bin$|node-gyp-bin$/.test(folder)).join(delimiter);
}

function which(program, path) {
  return (path ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

function filesIn(folder, into) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (['node_modules', 'dist', '.git'].includes(entry.name)) continue;
    if (entry.isDirectory()) filesIn(join(folder, entry.name), into);
    else if (entry.isFile() && !entry.name.endsWith('.test.ts')) into.push(join(folder, entry.name));
  }
}

function hashOf(files, salt) {
  const hash = createHash('sha256').update(salt);
  for (const file of files.sort()) {
    hash.update(`\0${relative(root, file)}\0`).update(existsSync(file) ? readFileSync(file) : '');
  }
  return hash.digest('hex');
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(message, hint) {
  process.stderr.write(`\n${message}\n${hint ? `${hint}\n` : ''}`);
  process.exit(1);
}
