/** What a service is put under while it is deployed anew: requests at a constant rate, a WebSocket, a stream. */
import { get } from 'node:http';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { summary } from './installation.ts';

/** Requests at a constant rate, whether or not the ones before have been answered. */
export function startLoad(url: string, requests_per_s: number) {
  const pool = new Pool(url, { connections: 64 });
  const times: number[] = [];
  let failed = 0;
  let sent = 0;
  const open = new Set<Promise<void>>();
  const started = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * requests_per_s);
    for (; sent < due; sent++) {
      const began = performance.now();
      const request = pool
        .request({ method: 'GET', path: '/' })
        .then(async ({ statusCode, body }) => {
          await body.text();
          if (statusCode !== 200) failed++;
          times.push(performance.now() - began);
        })
        .catch(() => {
          failed++;
        })
        .finally(() => open.delete(request));
      open.add(request);
    }
  }, 2);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      await pool.close();
      const { p99, max } = summary(times);
      return { requests: sent, failed, p99_ms: p99, max_ms: max };
    },
  };
}

/** A WebSocket that sends ten times a second; `cuts` counts ends that nobody asked for. */
export async function openSocket(url: string) {
  let cuts = 0;
  let echoes = 0;
  let closing = false;
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('message', () => echoes++);
  socket.on('close', () => {
    if (!closing) cuts++;
  });
  const timer = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('ping'), 100);
  return {
    cuts: () => cuts,
    echoes: () => echoes,
    close() {
      closing = true;
      clearInterval(timer);
      socket.terminate();
    },
  };
}

/** A response that is streamed without an end; `cuts` counts its ends that nobody asked for. */
export function openStream(url: string) {
  let cuts = 0;
  let closing = false;
  const cut = () => {
    if (!closing) cuts++;
  };
  const request = get(url, (response) => {
    response.resume();
    response.once('close', cut);
  });
  request.once('error', cut);
  return {
    cuts: () => cuts,
    close() {
      closing = true;
      request.destroy();
    },
  };
}
