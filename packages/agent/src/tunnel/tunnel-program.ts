/** The port to tunnels: a program that dials out with a token and says whether it is connected. Cloudflared is one adapter. */
import type { InstanceSpec } from '../supervisor/supervisor.ts';

export type TunnelReadiness = { ready: boolean; message: string };

export type TunnelProgram = {
  readonly kind: string;
  /** Name or path of the program. */
  readonly path: string;
  /** What a person does where it is not installed. */
  readonly install_hint: string;
  /** Its arguments; the token is never among them. */
  command(metrics_port: number): InstanceSpec['command'];
  env(token: string): Record<string, string>;
  /** Whether traffic can come through now. Never rejects. */
  readiness(metrics_port: number, signal: AbortSignal): Promise<TunnelReadiness>;
};
