/**
 * Builds dist/: what an installation consists of. It needs Node 24 and nothing else, no node_modules.
 *
 *   mainstay.js                 the CLI, `mainstay up` included
 *   mainstay-control-plane.js   gateway, operations, keeper
 *   mainstay-keeper.js          the keeper, where it is to be a process of its own
 *   mainstay-agent.js           the agent
 *   mainstay-proxy.js           the embedded proxy, in a process of its own
 *   chunks/                     what several programs share, or load only when it is needed
 *   public/                     the dashboard and the API reference; everything in assets/ has its hash in its name
 *   examples/                   the example stack
 *   agent/                      executables of the agent for servers, where `npm run build:agent` made them
 *
 * The new dist/ is made beside the old one and takes its place when it is whole.
 */
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { build as buildPages } from 'vite';
import { lazyBuiltins } from './lazy-builtins.ts';

const root = join(import.meta.dirname, '..');
const out = join(root, `dist.new-${process.pid}`);
const assets = join(out, 'public', 'assets');
const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;

const programs = {
  mainstay: 'packages/cli/src/main.ts',
  'mainstay-control-plane': 'packages/control-plane/src/control-plane-main.ts',
  'mainstay-keeper': 'packages/keeper/src/keeper-main.ts',
  'mainstay-agent': 'packages/agent/src/agent-main.ts',
  'mainstay-proxy': 'packages/agent/src/proxy/embedded-proxy-main.ts',
};

const started = Date.now();
try {
  mkdirSync(assets, { recursive: true });
  const [server, browser] = await Promise.all([buildPrograms(), buildDashboard()]);
  buildApiReference();
  cpSync(join(root, 'examples'), join(out, 'examples'), {
    recursive: true,
    filter: (path) => !['node_modules', 'dist'].includes(basename(path)),
  });
  cpSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
  writeFileSync(
    join(out, 'package.json'),
    `${JSON.stringify({ name: 'mainstay', version, type: 'module' }, null, 2)}\n`,
  );
  const licences = licencesOf([...Object.keys(server.inputs), ...browser], ['swagger-ui-dist']);
  writeFileSync(join(out, 'third-party-licences.txt'), licences);
  writeFileSync(join(out, 'public', 'licences.txt'), licences);
  compressPages();
  moveIntoPlace();
  console.log(`Built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s`);
} finally {
  rmSync(out, { recursive: true, force: true });
}

async function buildPrograms(): Promise<Metafile> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: programs,
    outdir: out,
    bundle: true,
    // What only some commands need, such as MCP, is loaded when it is needed.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    plugins: [lazyBuiltins],
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Names stay as they are: `keepNames` would give them back at run time, to each function each time that one is made (ADR 0030).
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.MAINSTAY_VERSION': JSON.stringify(version) },
    // Packages that are CommonJS ask for `require`, which modules do not have.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
  });
  return result.metafile;
}

/** The pages, by Vite, with each text file compressed beside itself; gives the paths of all modules that went into them. */
async function buildDashboard(): Promise<string[]> {
  const modules: string[] = [];
  await buildPages({
    configFile: join(root, 'packages', 'dashboard', 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: join(out, 'public'), emptyOutDir: false },
    plugins: [{ name: 'modules', generateBundle: (_options, bundle) => void modules.push(...modulesOf(bundle)) }],
  });
  return modules;
}

function modulesOf(bundle: Record<string, { type: string; moduleIds?: string[] }>): string[] {
  return Object.values(bundle).flatMap((file) => file.moduleIds ?? []);
}

/** Files are compressed once, here, as well as it goes; the control plane sends them as they are. */
function compressPages(): void {
  for (const path of readdirSync(join(out, 'public'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.(js|css|svg|json|txt)$/.test(path)) continue;
    const bytes = readFileSync(join(out, 'public', path));
    if (bytes.length < 1_024) continue;
    writeFileSync(join(out, 'public', `${path}.gz`), gzipSync(bytes, { level: 9 }));
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 500_000 ? 9 : 11 } };
    writeFileSync(join(out, 'public', `${path}.br`), brotliCompressSync(bytes, options));
  }
}

/** The browsable reference at /api/docs: Swagger UI from our own address, started by a script file of its own. */
function buildApiReference(): void {
  const from = join(root, 'node_modules', 'swagger-ui-dist');
  const source = join(root, 'packages', 'dashboard', 'src', 'api-docs');
  writePage('api-docs.html', readFileSync(join(source, 'api-docs.html'), 'utf8'), {
    '%BUNDLE%': addAsset(join(from, 'swagger-ui-bundle.js')),
    '%STYLE%': addAsset(join(from, 'swagger-ui.css')),
    '%INIT%': addAsset(join(source, 'api-docs-init.js')),
    '%ICON%': addAsset(join(root, 'packages', 'dashboard', 'src', 'ui', 'mark.svg')),
  });
}

/** Copies a file to public/assets under a name that holds its hash; gives that name. */
function addAsset(path: string): string {
  const text = readFileSync(path, 'utf8').replace(/\n?(\/\/|\/\*)# sourceMappingURL=.*$/m, '');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const name = `${basename(path, extname(path))}-${hash}${extname(path)}`;
  writeFileSync(join(assets, name), text);
  return name;
}

function writePage(name: string, template: string, values: Record<string, string>): void {
  let text = template;
  for (const [mark, value] of Object.entries(values)) {
    if (value === '' || !text.includes(mark)) throw new Error(`${name}: nothing to put for ${mark}`);
    text = text.replaceAll(mark, `../assets/${value}`);
  }
  writeFileSync(join(out, 'public', name), text);
}

/** Licence texts of all packages that a bundle took something of. */
function licencesOf(modules: readonly string[], extra: string[]): string {
  const names = new Set(extra);
  for (const path of modules) {
    const match = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    if (match?.[1] && !match[1].startsWith('@mainstay/')) names.add(match[1]);
  }
  const parts = [...names].sort().map((name) => {
    const folder = join(root, 'node_modules', name);
    if (!existsSync(folder)) return `${name}\n`;
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      string
    >;
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`;
  });
  return `Mainstay holds parts of these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function moveIntoPlace(): void {
  const target = join(root, 'dist');
  const old = join(root, `dist.old-${process.pid}`);
  // Executables of the agent are a build of their own, and stay until that makes new ones.
  if (existsSync(join(target, 'agent'))) renameSync(join(target, 'agent'), join(out, 'agent'));
  if (existsSync(target)) renameSync(target, old);
  renameSync(out, target);
  rmSync(old, { recursive: true, force: true });
}
