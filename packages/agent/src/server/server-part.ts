/**
 * A part of a server that a server state speaks of: its firewall, its tunnel, its agent, whether it is drained. Parts are brought about
 * one after the other; when one fails, those before it go back to what they were.
 */
import type { ServerState } from '@mainstay/contract/server-state';

export type WantedServer = Pick<ServerState, 'security' | 'tunnel' | 'agent' | 'drained'>;

/** What holds where nobody chose anything. */
export const unchanged_server: WantedServer = {
  security: { mode: 'none', ssh_from: [], firewall: 'auto', cut_ssh: false },
  tunnel: null,
  agent: null,
  drained: false,
};

export type ServerPart = {
  readonly name: keyof WantedServer;
  /**
   * Brings it about, and returns when it was observed. Applying what is in force changes nothing, so that an agent that was killed in
   * the middle begins again. Throws ServerFailure, and then this part is as it was before.
   */
  apply(wanted: WantedServer, signal: AbortSignal): Promise<void>;
  /** Looks whether it is still so, and puts it back where it is not. Called every round; never rejects. */
  keepUp(wanted: WantedServer): Promise<void>;
};

/** A server state cannot be brought about: why, and what to do about it. */
export class ServerFailure extends Error {
  readonly hint: string | null;

  constructor(message: string, hint: string | null = null) {
    super(message.slice(0, 4_000));
    this.name = 'ServerFailure';
    this.hint = hint === null ? null : hint.slice(0, 1_000);
  }
}
