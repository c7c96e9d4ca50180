/**
 * The link to the control plane: four loops, each on its own, each with its own backoff, all dialled from here. Without
 * a control plane nothing changes on the server; the loops go on trying, and what is to be told waits in the outbox.
 */
import {
  AckResponse,
  agentApiLimits,
  DesiredStateResponse,
  HeartbeatResponse,
  inquiry_header,
  SecretsResponse,
  type ServerStateOffer,
  server_state_header,
} from '@mainstay/contract/agent-answers';
import type { AgentState } from '@mainstay/contract/agent-api';
import { type AppError, isRetryable } from '@mainstay/contract/errors';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import type * as z from 'zod';
import type { Problems } from '../problems.ts';
import type { Outbox } from '../state/outbox.ts';
import { createBackoff } from './backoff.ts';
import type { LinkClient } from './http.ts';
import { type AnswerInquiry, createInquiries } from './inquiries.ts';
import { askForRemoval } from './removal.ts';
import { createWake, type Wake } from './wake.ts';

export type FetchedSecrets = z.infer<typeof SecretsResponse>['secrets'];
/** `known`: it was accepted before, or is a replay, and changes nothing. */
export type OfferOutcome = 'taken' | 'known' | 'refused' | 'retry_later';

export type LinkOptions = {
  client: LinkClient;
  clock: Clock;
  log: Logger;
  problems: Problems;
  outbox: Outbox;
  /** The state for the next heartbeat. */
  observe: () => Promise<AgentState>;
  /** Changes of the keeper's keys came. Never rejects. */
  followKeys: (changes: readonly string[]) => Promise<void>;
  /** A desired state came; null when its shape could not be read. */
  offer: (response: DesiredStateResponse | null) => Promise<OfferOutcome>;
  /** A newer server state came than the heartbeat reported. Never rejects. */
  offerServerState: (offer: ServerStateOffer) => Promise<void>;
  /** A grant that is said to be this server's removal: whether it is. Then no request is made any more. Never rejects. */
  removed: (grant: string) => Promise<boolean>;
  /** How this server is, for people who ask. */
  answer: AnswerInquiry;
  heartbeat_interval_ms?: number;
};

export type Link = {
  start(): void;
  /** Something that people wait for changed: send a heartbeat at once. */
  changed(): void;
  /** There are events or lines to ship. */
  ship(what: 'events' | 'logs'): void;
  /** Secrets by commitment, as the control plane gives them; not verified here. */
  fetchSecrets(commitments: string[], signal: AbortSignal): Promise<FetchedSecrets>;
  /** True while the last exchange succeeded. */
  isConnected(): boolean;
  /** Ends the loops; `last_words` are shipped first, within three seconds. */
  stop(): Promise<void>;
};

/** Changes within this time go into one heartbeat, milliseconds. */
const coalesce_ms = 50;
const last_words_ms = 3_000;
/** Why the credential is refused is asked again after this time. */
const ask_why_ms = 30_000;

export function createLink(options: LinkOptions): Link {
  const { client, clock, log, problems, outbox } = options;
  const ending = new AbortController();
  const heartbeat = createWake();
  const wakes = { events: createWake(), logs: createWake() };
  const inquiries = createInquiries({ client, clock, log, answer: options.answer });
  let connected = false;
  let loops: Promise<void>[] = [];

  const succeeded = () => {
    problems.clear('credential_refused');
    if (!connected) log.info('connected to the control plane');
    connected = true;
  };
  let asked_why_at = Number.NEGATIVE_INFINITY;
  /** Whether it is refused because it was removed; all loops ask it, and one question is enough. */
  const askWhy = async () => {
    const now = clock.now();
    if (now - asked_why_at < ask_why_ms) return;
    asked_why_at = now;
    try {
      const grant = await askForRemoval(client, ending.signal);
      if (grant === null || !(await options.removed(grant))) return;
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'nobody says why the credential is refused');
      return;
    }
    problems.clear('credential_refused');
    connected = false;
    ending.abort();
  };
  const failed = (what: string, error: unknown) => {
    const { code, message } = error as AppError;
    if (code === 'Unauthenticated') {
      void askWhy();
      problems.set(
        'credential_refused',
        'The control plane refuses the credential of this agent. It was removed there, or restored from a backup: enrol again with a new token.',
      );
    }
    if (connected)
      log.warn({ what, code, reason: message }, 'the control plane cannot be reached; going on without it');
    else log.debug({ what, code, reason: message }, 'still no control plane');
    if (code === undefined || isRetryable(code)) connected = false;
    else log.warn({ what, code, reason: message }, 'the control plane refused a request');
  };

  /** Runs `exchange` again and again; it tells how long to wait until the next time, or null where there was nothing to be said. */
  const loop = async (what: string, exchange: (signal: AbortSignal) => Promise<number | null>, wake?: Wake) => {
    const backoff = createBackoff();
    while (!ending.signal.aborted) {
      let wait_ms: number;
      try {
        const next_ms = await exchange(ending.signal);
        // What was not sent reached nobody: by this the agent is judged after an update.
        if (next_ms !== null) {
          succeeded();
          backoff.reset();
        }
        wait_ms = next_ms ?? interval_ms;
        if (wake) await wake.wait(wait_ms, ending.signal);
        else if (wait_ms > 0) await clock.sleep(wait_ms, ending.signal);
      } catch (error) {
        if (ending.signal.aborted) return;
        failed(what, error);
        await clock.sleep(backoff.next(), ending.signal);
      }
    }
  };

  let etag: string | null = null;
  const pollDesiredState = async (signal: AbortSignal): Promise<number> => {
    const asked_at = clock.now();
    const wait_seconds = etag === null ? 0 : 50;
    const response = await client.send({
      method: 'GET',
      path: `/agent/v1/desired-state?wait_seconds=${Math.min(wait_seconds, agentApiLimits.wait_seconds_max)}`,
      headers: etag === null ? {} : { 'if-none-match': etag },
      timeout_ms: (wait_seconds + 20) * 1000,
      signal,
    });
    // A newer server state waits, which comes with the answer to a heartbeat.
    if (response.headers[server_state_header] !== undefined) heartbeat.ring();
    if (response.headers[inquiry_header] !== undefined) inquiries.look();
    if (response.status !== 200) {
      etag = response.headers.etag ?? etag ?? '"none"';
      // An answer that did not wait as it was asked to is no reason to ask again at once.
      return wait_seconds > 0 && clock.now() - asked_at < 1_000 ? 1_000 : 0;
    }
    const parsed = DesiredStateResponse.safeParse(response.body);
    const outcome = await options.offer(parsed.success ? parsed.data : null);
    if (outcome === 'retry_later') return 5_000;
    etag = response.headers.etag ?? '"none"';
    // Only after what the keeper newly signed is there reason to hurry; whoever answers at will must not keep this loop busy.
    return outcome === 'taken' ? 0 : 1_000;
  };

  const interval_ms = options.heartbeat_interval_ms ?? 10_000;
  const sendHeartbeat = async (signal: AbortSignal): Promise<number> => {
    const state = await options.observe();
    const sent_at = clock.now();
    const asked = performance.now();
    const { body } = await client.send({
      method: 'POST',
      path: '/agent/v1/heartbeat',
      body: { sent_at, state },
      signal,
    });
    const { time_ms, key_changes, server_state } = HeartbeatResponse.parse(body);
    judgeClock(time_ms, performance.now() - asked);
    await options.followKeys(key_changes);
    if (server_state) await options.offerServerState(server_state);
    return interval_ms;
  };
  /**
   * Half of the round trip is the uncertainty; a minute is what grants tolerate. The round trip is not measured by the
   * clock that is judged: one that is set meanwhile would be told to be off by half of what it is.
   */
  const judgeClock = (remote_ms: number, round_trip_ms: number) => {
    const offset_ms = clock.now() - round_trip_ms / 2 - remote_ms;
    if (Math.abs(offset_ms) <= 60_000) return problems.clear('clock_skew');
    const seconds = Math.round(Math.abs(offset_ms) / 1000);
    problems.set(
      'clock_skew',
      `The clock of this server is ${seconds} s ${offset_ms > 0 ? 'ahead of' : 'behind'} the control plane's. Signed changes may be refused: set it by NTP.`,
    );
  };

  const shipBatch = async (what: 'events' | 'logs', signal: AbortSignal): Promise<number | null> => {
    const batch = outbox[what].batch();
    if (batch.length === 0) return null;
    const { body } = await client.send({
      method: 'POST',
      path: `/agent/v1/${what}`,
      body: what === 'events' ? { events: batch } : { lines: batch },
      signal,
    });
    const { acked_seq } = AckResponse.parse(body);
    outbox[what].acknowledge(acked_seq);
    if (acked_seq < batch[0]!.seq) return 1_000;
    return outbox[what].waiting() > 0 ? 0 : interval_ms;
  };

  return {
    start() {
      loops = [
        loop('desired state', pollDesiredState),
        loop(
          'heartbeat',
          async (signal) => {
            await clock.sleep(coalesce_ms, signal);
            return sendHeartbeat(signal);
          },
          heartbeat,
        ),
        loop('events', (signal) => shipBatch('events', signal), wakes.events),
        loop('logs', (signal) => shipBatch('logs', signal), wakes.logs),
      ];
    },
    changed: heartbeat.ring,
    ship: (what) => wakes[what].ring(),
    async fetchSecrets(commitments, signal) {
      const { body } = await client.send({ method: 'POST', path: '/agent/v1/secrets', body: { commitments }, signal });
      return SecretsResponse.parse(body).secrets;
    },
    isConnected: () => connected,
    async stop() {
      ending.abort();
      await Promise.all([...loops, inquiries.stop()]);
      if (!connected) return;
      const late = AbortSignal.timeout(last_words_ms);
      try {
        while ((await shipBatch('events', late)) === 0);
        await sendHeartbeat(late);
      } catch (error) {
        log.debug({ reason: (error as Error).message }, 'the last words did not get through; they wait on disk');
      }
    },
  };
}
