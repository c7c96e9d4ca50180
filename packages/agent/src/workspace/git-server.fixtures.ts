/** Real repositories for the tests, and a real smart HTTP server in front of them: git's own http-backend, as CGI. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

export type Repository = {
  path: string;
  git(...args: string[]): string;
  commit(files: Record<string, string | { link: string }>): string;
};

export function createRepository(path: string, init: string[] = []): Repository {
  mkdirSync(path, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=Test', '-c', 'user.email=test@example.org', ...args], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: path, GIT_CONFIG_NOSYSTEM: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  git('init', '--quiet', '--initial-branch=main', ...init);
  return {
    path,
    git,
    commit(files) {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true });
        if (typeof content === 'string') writeFileSync(join(path, name), content);
        else symlinkSync(content.link, join(path, name));
      }
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '--message=A change');
      return git('rev-parse', 'HEAD');
    },
  };
}

export const http_backend = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend');
export const has_http_backend = existsSync(http_backend);

export type GitServer = { url: string; authorizations: string[]; close(): Promise<void> };

export type GitServerOptions = { token?: string; redirect?: string; address?: string };

/**
 * Serves the repositories in a folder, on loopback unless another address is given; with a token, only to who brings it (basic
 * authentication). `redirect` sends all elsewhere.
 */
export async function serveGit(root: string, options: GitServerOptions = {}): Promise<GitServer> {
  const { address = '127.0.0.1' } = options;
  const authorizations: string[] = [];
  const server: Server = createServer((request, response) => {
    const { authorization } = request.headers;
    if (authorization !== undefined) authorizations.push(authorization);
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (options.redirect !== undefined) {
      response.writeHead(302, { location: `${options.redirect}${request.url}` }).end();
      return;
    }
    const expected = `Basic ${Buffer.from(`bot:${options.token}`).toString('base64')}`;
    if (options.token !== undefined && authorization !== expected) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const backend = spawn(http_backend, [], {
      env: {
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        REMOTE_USER: 'bot',
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    request.pipe(backend.stdin);
    backend.stdin.on('error', () => {});
    let head = Buffer.alloc(0);
    backend.stdout.on('data', (chunk: Buffer) => {
      if (response.headersSent) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const headers = head
        .subarray(0, end)
        .toString()
        .split('\r\n')
        .map((line) => line.split(/: ?(.*)/));
      const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
      response.writeHead(
        status,
        Object.fromEntries(headers.filter(([name]) => name !== 'Status').map(([n, v]) => [n, v])),
      );
      response.write(head.subarray(end + 4));
    });
    backend.stdout.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    authorizations,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
