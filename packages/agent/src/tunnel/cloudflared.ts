/**
 * How cloudflared is run and asked how it is. It takes its token from the environment, never from the command line, which others can
 * read; it does not update itself; and its metrics server, on a loopback port that we choose, says at /ready how many connections to
 * the edge stand (200 with at least one, else 503).
 */
import type { InstanceSpec } from '../supervisor/supervisor.ts';
import type { TunnelProgram, TunnelReadiness } from './tunnel-program.ts';

export function cloudflared(path = 'cloudflared'): TunnelProgram {
  return {
    kind: 'cloudflared',
    path,
    install_hint:
      'Install it from https://developers.cloudflare.com/tunnel/downloads/ (a Debian package), and ask for the change again.',
    command: (metrics_port): InstanceSpec['command'] => [
      path,
      'tunnel',
      '--no-autoupdate',
      '--metrics',
      `127.0.0.1:${metrics_port}`,
      'run',
    ],
    env: (token) => ({ TUNNEL_TOKEN: token }),
    readiness: askReady,
  };
}

const ask_timeout_ms = 2_000;
const body_bytes_max = 4_096;

async function askReady(metrics_port: number, signal: AbortSignal): Promise<TunnelReadiness> {
  try {
    const response = await fetch(`http://127.0.0.1:${metrics_port}/ready`, {
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(ask_timeout_ms)]),
    });
    const text = (await response.text()).slice(0, body_bytes_max);
    const connections = connectionsIn(text);
    if (response.status === 200) return { ready: true, message: `${connections ?? 'some'} connections` };
    return { ready: false, message: `no connection to the edge yet (/ready answers ${response.status})` };
  } catch {
    return { ready: false, message: 'it does not answer at its metrics port' };
  }
}

function connectionsIn(text: string): number | null {
  try {
    const { readyConnections } = JSON.parse(text) as { readyConnections?: unknown };
    return typeof readyConnections === 'number' ? readyConnections : null;
  } catch {
    return null;
  }
}
