/** The example's page. It asks the API by its internal name, which Mainstay gives in SERVICE_API_URL. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const port = Number(process.env.PORT ?? 3000);
const api = process.env.SERVICE_API_URL;
const hasClock = process.env.SERVICE_CLOCK_URL !== undefined;
const types = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' };

/** All files there are, read once: a request names one of them, or nothing. */
const files = new Map(
  ['index.html', 'style.css', 'page.js'].map((name) => [
    name === 'index.html' ? '/' : `/${name}`,
    { body: readFileSync(join(folder, 'public', name)), type: types[extname(name)] },
  ]),
);

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/healthz') return response.end('ok\n');
  if (pathname === '/greeting') return json(response, await greeting());
  const file = files.get(pathname);
  if (!file) return response.writeHead(404, { 'content-type': 'text/plain' }).end('There is nothing here.\n');
  response.writeHead(200, {
    'content-type': `${file.type}; charset=utf-8`,
    'content-security-policy': "default-src 'self'; img-src data:",
    'cache-control': 'no-cache',
  });
  response.end(file.body);
});

server.listen(port, '127.0.0.1', () => console.log(`listening on port ${port}`));
process.once('SIGTERM', () => {
  console.log('stopping');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

/** What the API says to a call by its internal name. */
async function greeting() {
  if (!api) return { ok: false, text: 'SERVICE_API_URL is not set', has_clock: hasClock };
  try {
    const answer = await fetch(`${api}/hello?name=web`, { signal: AbortSignal.timeout(3_000) });
    const { message } = await answer.json();
    return { ok: answer.ok, text: message, url: api, has_clock: hasClock };
  } catch (error) {
    console.error(`the API at ${api} does not answer: ${error.message}`);
    return { ok: false, text: 'The API does not answer', url: api, has_clock: hasClock };
  }
}

function json(response, body) {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
