/**
 * The control socket: HTTP with JSON bodies on a Unix socket of mode 0600 in the state folder. Only the user that runs the
 * proxy reaches it, so there is no other check.
 *
 * GET /status · PUT /config · POST /cut {backend_id} · GET /metrics · POST /stop {drain_ms}
 */
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ConfigError, parseProxyConfig, saveConfig } from './config.ts';
import type { DataPlane } from './data-plane.ts';

const body_bytes_max = 4 * 1024 * 1024;

export type ControlOptions = {
  folder: string;
  socket_path: string;
  plane: DataPlane;
  log(message: string): void;
  /** Called when the proxy has been asked to end and has drained. */
  onStopped(): void;
};

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > body_bytes_max) throw new ConfigError(`The body must not be larger than ${body_bytes_max} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new ConfigError('The body is not JSON.');
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const content = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' });
  response.end(content);
}

/** Opens the control socket. The caller holds the lock of the folder, so a socket that lies there is stale. */
export function openControl(options: ControlOptions): Promise<Server> {
  const { plane, folder } = options;
  let saving: Promise<unknown> = Promise.resolve();

  const apply = async (value: unknown) => {
    const config = parseProxyConfig(value);
    // One after the other, and on disk before it is in force: a restart never serves something older than what was served.
    const applied = saving.then(async () => {
      await saveConfig(folder, config);
      return plane.apply(config);
    });
    saving = applied.catch(() => {});
    return applied;
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    switch (`${request.method} ${request.url}`) {
      case 'GET /status':
        return send(response, 200, plane.status());
      case 'GET /metrics':
        return send(response, 200, plane.metrics());
      case 'PUT /config':
        return send(response, 200, { listener_errors: await apply(await readJson(request)) });
      case 'POST /cut': {
        const { backend_id } = (await readJson(request)) as { backend_id?: unknown };
        if (typeof backend_id !== 'string') throw new ConfigError('"backend_id" must be the id of a backend.');
        plane.cut(backend_id);
        return send(response, 200, {});
      }
      case 'POST /stop': {
        const { drain_ms } = (await readJson(request)) as { drain_ms?: unknown };
        if (typeof drain_ms !== 'number' || !(drain_ms >= 0)) throw new ConfigError('"drain_ms" must be a number.');
        await plane.stop(drain_ms);
        response.on('close', options.onStopped);
        return send(response, 200, {});
      }
      default:
        return send(response, 404, { message: 'There is no such control request.' });
    }
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: Error) => {
      options.log(`control request failed: ${error.message}`);
      if (!response.headersSent) send(response, error instanceof ConfigError ? 400 : 500, { message: error.message });
    });
  });
  rmSync(options.socket_path, { force: true });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // The umask of the process is 0077, so the socket is born with mode 0600.
    server.listen(options.socket_path, () => resolve(server));
  });
}
