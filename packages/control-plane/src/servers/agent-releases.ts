/**
 * The agent's executables as the panel hands them to new servers, and the line that installs one there. Nothing here is secret and nobody
 * signs in: what a server believes is decided by the hashes in its line, which came to a person who was signed in.
 *
 *   GET /install.sh              the script, with the panel's address in it
 *   GET /agent/releases/<file>   manifest, signature and what the manifest names
 *   GET /agent/ca.pem            <home>/ca.pem: the authority of a panel whose certificate no public one signed
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AppError } from '@mainstay/contract/errors';
import { Hono } from 'hono';
import type { Context } from '../context.ts';
import { accepts } from '../gateway/content-encoding.ts';

const manifest = 'release.json';
/** An executable is 127 MB: in chunks of 64 KB it costs twice the processor time. */
const chunk_bytes = 512 * 1024;

/** Routes of what a server fetches before it has an agent. */
export function agentReleaseRoutes(context: Context): Hono {
  const app = new Hono();
  app.get('/install.sh', async () => {
    const script = await installScript(context);
    if (script === null) throw notBuilt();
    return new Response(script, {
      headers: { 'content-type': 'text/x-shellscript; charset=utf-8', 'cache-control': 'no-cache' },
    });
  });
  app.get('/agent/releases/:file', async ({ req }) => {
    const names = await releaseFiles(context);
    if (names === null) throw notBuilt();
    const name = req.param('file');
    if (context.agent_dir === null || !names.includes(name)) {
      throw new AppError('NotFound', `The release of the agent has no file "${name.slice(0, 200)}".`, {
        hint: `It has ${names.join(', ')}.`,
      });
    }
    return fileResponse(req.raw, join(context.agent_dir, name));
  });
  app.get('/agent/ca.pem', async ({ req }) => {
    if ((await authority(context)) !== null) return fileResponse(req.raw, authorityFile(context));
    throw new AppError('NotFound', 'This panel has no certificate authority of its own.', {
      hint: 'Where it should have one, put it at ca.pem in the folder of its state.',
    });
  });
  return app;
}

/** The one line that makes a machine a server; null where no agent was built. The token stands in it. */
export async function installLine(context: Context, token: string): Promise<string | null> {
  const script = await installScript(context);
  if (script === null || context.agent_dir === null) return null;
  const url = context.public_url();
  const ca = await authority(context);
  const release = await readFile(join(context.agent_dir, manifest));
  const options = `--token ${token} --release-sha256 ${sha256(release)}`;
  if (ca === null) return `curl -fsSL ${url}/install.sh | sudo sh -s -- ${options}`;
  // The script comes over a connection that nothing on the new machine can verify yet: its hash is compared before it is run.
  const is_it = `[ "$(printf '%s\\n' "$s" | sha256sum)" = "${sha256(script)}  -" ]`;
  const runs_it = `printf '%s\\n' "$s" | sudo sh -s -- ${options} --ca-sha256 ${sha256(ca)}`;
  const refuses = `echo "mainstay: install.sh is another than this line says; nothing was run." >&2; false`;
  return `s="$(curl -fsSLk ${url}/install.sh)" && if ${is_it}; then ${runs_it}; else ${refuses}; fi`;
}

async function installScript({ agent_dir, public_url }: Context): Promise<string | null> {
  if (agent_dir === null) return null;
  const text = await readIfThere(join(agent_dir, 'install.sh'));
  // A public address is an origin and plain segments: nothing of it means anything to a shell.
  return text === null ? null : text.toString('utf8').replaceAll('%URL%', public_url());
}

/** Names of all files that the manifest speaks of, itself and its signature included. */
async function releaseFiles({ agent_dir }: Context): Promise<string[] | null> {
  const text = agent_dir === null ? null : await readIfThere(join(agent_dir, manifest));
  if (text === null) return null;
  const { files } = JSON.parse(text.toString('utf8')) as { files: { name: string }[] };
  return [manifest, `${manifest}.sig`, ...files.map(({ name }) => name)];
}

/** The release that is handed out here; null where there is none. */
export async function handedOutRelease({
  agent_dir,
}: Pick<Context, 'agent_dir'>): Promise<{ version: string; manifest_sha256: string; archs: string[] } | null> {
  const text = agent_dir === null ? null : await readIfThere(join(agent_dir, manifest));
  if (text === null) return null;
  const { version, files } = JSON.parse(text.toString('utf8')) as { version: string; files: { arch: string }[] };
  return { version, manifest_sha256: sha256(text), archs: [...new Set(files.map(({ arch }) => arch))] };
}

const authorityFile = ({ home }: Context) => join(home, 'ca.pem');
const authority = (context: Context) => readIfThere(authorityFile(context));

/** A file, or as it lies beside it compressed for those who take that. */
async function fileResponse(request: Request, plain_path: string): Promise<Response> {
  const zipped = accepts(request, 'gzip') ? await stat(`${plain_path}.gz`).catch(() => null) : null;
  const path = zipped ? `${plain_path}.gz` : plain_path;
  const found = zipped ?? (await stat(path));
  const etag = `"${found.size.toString(36)}-${Math.floor(found.mtimeMs).toString(36)}"`;
  const encoding: Record<string, string> = zipped ? { 'content-encoding': 'gzip' } : {};
  const headers = { etag, 'cache-control': 'no-cache', vary: 'accept-encoding', ...encoding };
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers });
  const body =
    request.method === 'HEAD'
      ? null
      : (Readable.toWeb(createReadStream(path, { highWaterMark: chunk_bytes })) as ReadableStream);
  const about = { 'content-type': 'application/octet-stream', 'content-length': String(found.size) };
  return new Response(body, { headers: { ...headers, ...about } });
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function notBuilt(): AppError {
  return new AppError('NotFound', 'No agent was built at this panel.', {
    hint: 'Build it where the panel runs: npm run build:agent',
  });
}

function sha256(text: Buffer | string): string {
  return createHash('sha256').update(text).digest('hex');
}
