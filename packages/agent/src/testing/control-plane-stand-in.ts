/**
 * A stand-in for the control plane, for the agent's tests: it speaks the real protocol over real HTTP, has a keeper that signs
 * with a real Ed25519 key, and keeps all in memory. It decides nothing; tests say what is desired.
 */
import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { inquiry_header, type ServerStateOffer } from '@mainstay/contract/agent-answers';
import {
  type AgentEvent,
  type AgentLogLine,
  type AgentState,
  type DesiredStateResponse,
  EnrolRequest,
  EventsRequest,
  HeartbeatRequest,
  LogsRequest,
  SecretsRequest,
} from '@mainstay/contract/agent-api';
import { commitmentOf } from '@mainstay/contract/canonical';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { InquiryAnswer } from '@mainstay/contract/diagnosis';
import { AppError } from '@mainstay/contract/errors';
import type { Grant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import type { ServerState } from '@mainstay/contract/server-state';
import type * as z from 'zod';
import { createStandInKeeper, type StandInKeeper, signOffer, signServerOffer } from './stand-in-keeper.ts';

export type StandIn = {
  readonly url: string;
  readonly token: string;
  readonly server_id: string;
  readonly keeper: StandInKeeper;
  /** Everything that came in, in order, resent or not. */
  readonly received: {
    enrolments: z.output<typeof EnrolRequest>[];
    heartbeats: AgentState[];
    event_batches: AgentEvent[][];
    log_batches: AgentLogLine[][];
  };
  /** What is stored: each number once. */
  events(): AgentEvent[];
  lines(): AgentLogLine[];
  state(): AgentState | null;
  /** Signs a document for this server. */
  sign(document: DesiredState, over?: Partial<Grant>): Promise<DesiredStateResponse>;
  /** Signs a document for this server and offers it. */
  offer(document: DesiredState, over?: Partial<Grant>): Promise<DesiredStateResponse>;
  /** Offers an answer as it is. */
  offerRaw(response: unknown): void;
  /** Signs a server state for this server, and gives it with the next heartbeats. */
  offerServerState(document: ServerState): Promise<void>;
  /** Asks the agent for whatever this is, as a control plane should or should not; gives its answer, of the contract's shape. */
  ask(question: Record<string, unknown>): Promise<InquiryAnswer['outcome']>;
  /** Answers questions for a desired state at once, with whatever this gives; null ends it. */
  answerDesiredStateWith(answer: (() => { status: number; etag?: string; body?: unknown }) | null): void;
  /** Gives another value for a commitment than it was made for. */
  exchangeSecret(commitment: string, value: string): void;
  /** Tells these changes of the keeper's keys, at enrolment and with every heartbeat. */
  tellKeyChanges(changes: string[]): void;
  /** Makes a secret known; gives its commitment. */
  addSecret(value: string): Promise<string>;
  /** Does not answer the next enrolments and batches of events, though it stores what came. */
  loseAcknowledgements(count: number): void;
  /** The credential that was given out is worth nothing any more. */
  revokeCredential(): void;
  /** Closes the port and all connections. */
  goAway(): Promise<void>;
  /** Listens on the same port again. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
};

export type StandInOptions = { time_offset_ms?: number; token?: string; keeper?: StandInKeeper };

export async function startStandIn(over: StandInOptions = {}): Promise<StandIn> {
  const keeper = over.keeper ?? (await createStandInKeeper());
  const server_id = newId('server');
  let credential: string | null = null;
  const token = over.token ?? `mst_${randomBytes(32).toString('base64url')}.${keeper.key.kid}`;
  const time_offset_ms = over.time_offset_ms ?? 0;
  const received: StandIn['received'] = { enrolments: [], heartbeats: [], event_batches: [], log_batches: [] };
  const events = new Map<number, AgentEvent>();
  const lines = new Map<number, AgentLogLine>();
  const secrets = new Map<string, { key: string; value: string }>();
  const waiting = new Set<() => void>();
  const asked = new Map<
    string,
    { question: object; fetched: boolean; resolve: (outcome: InquiryAnswer['outcome']) => void }
  >();
  const isAsked = () => [...asked.values()].some(({ fetched }) => !fetched);
  let server_state: ServerStateOffer | null = null;
  let offered: { etag: string; body: unknown } | null = null;
  let acks_to_lose = 0;
  let key_changes: string[] = [];
  let whatever: Parameters<StandIn['answerDesiredStateWith']>[0] = null;

  const store = <T extends { seq: number }>(into: Map<number, T>, batch: T[]) => {
    for (const item of batch) if (!into.has(item.seq)) into.set(item.seq, item);
    return Math.max(...into.keys());
  };

  const loseAcknowledgement = () => {
    if (acks_to_lose === 0) return;
    acks_to_lose--;
    throw new AppError('Unavailable', 'The acknowledgement is lost.');
  };

  const answer = async (
    request: http.IncomingMessage,
    body: unknown,
  ): Promise<{ status: number; etag?: string; body?: unknown; headers?: Record<string, string> }> => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://stand-in');
    if (pathname === '/agent/v1/enrol') {
      const asked = EnrolRequest.parse(body);
      if (asked.token !== token) throw new AppError('Unauthenticated', 'The token is not known.');
      credential ??= asked.credential;
      if (asked.credential !== credential) throw new AppError('Unauthenticated', 'The token was used already.');
      received.enrolments.push(asked);
      loseAcknowledgement();
      const enrolment_grant = await keeper.sign({ kind: 'enrolment', server_id, stack_id: null }, { aud: [server_id] });
      return {
        status: 200,
        body: {
          server_id,
          server: 'local',
          keeper_keys: [keeper.key],
          key_changes,
          enrolment_grant,
          time_ms: Date.now() + time_offset_ms,
        },
      };
    }
    if (credential === null || request.headers.authorization !== `Bearer ${credential}`)
      throw new AppError('Unauthenticated', 'The credential is not known.');
    switch (pathname) {
      case '/agent/v1/desired-state': {
        if (whatever) return whatever();
        const have = request.headers['if-none-match'];
        const wait_ms = Number(searchParams.get('wait_seconds')) * 1000;
        const is_same = () => offered === null || offered.etag === have;
        const nothing_new = () => is_same() && !isAsked();
        if (nothing_new() && wait_ms > 0) {
          await new Promise<void>((resolve) => {
            const done = () => {
              clearTimeout(timer);
              waiting.delete(done);
              resolve();
            };
            const timer = setTimeout(done, wait_ms);
            waiting.add(done);
            request.once('close', done);
          });
        }
        const headers: Record<string, string> = isAsked() ? { [inquiry_header]: '1' } : {};
        if (offered === null) return { status: 204, headers };
        return is_same() ? { status: 304, etag: offered.etag, headers } : { status: 200, ...offered, headers };
      }
      case '/agent/v1/inquiries': {
        const fresh = [...asked.values()].filter(({ fetched }) => !fetched);
        for (const one of fresh) one.fetched = true;
        const inquiries = fresh.map(({ question }) => question);
        return { status: 200, body: { inquiries, time_ms: Date.now() + time_offset_ms } };
      }
      case '/agent/v1/answers': {
        const { id, outcome } = InquiryAnswer.parse(body);
        asked.get(id)?.resolve(outcome);
        return { status: 200, body: { taken: asked.delete(id) } };
      }
      case '/agent/v1/heartbeat':
        received.heartbeats.push(HeartbeatRequest.parse(body).state);
        if (received.heartbeats.length > 1_000) received.heartbeats.shift();
        return { status: 200, body: { time_ms: Date.now() + time_offset_ms, key_changes, server_state } };
      case '/agent/v1/events': {
        const batch = EventsRequest.parse(body).events;
        received.event_batches.push(batch);
        const acked_seq = store(events, batch);
        loseAcknowledgement();
        return { status: 200, body: { acked_seq } };
      }
      case '/agent/v1/logs': {
        const batch = LogsRequest.parse(body).lines;
        received.log_batches.push(batch);
        return { status: 200, body: { acked_seq: store(lines, batch) } };
      }
      case '/agent/v1/secrets': {
        const known = SecretsRequest.parse(body).commitments.filter((commitment) => secrets.has(commitment));
        return { status: 200, body: { secrets: Object.fromEntries(known.map((one) => [one, secrets.get(one)])) } };
      }
      default:
        throw new AppError('NotFound', 'There is no such request.');
    }
  };

  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    try {
      const { status, etag, body, headers } = await answer(request, text ? JSON.parse(text) : null);
      response.writeHead(status, { 'content-type': 'application/json', ...(etag ? { etag } : {}), ...headers });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    } catch (error) {
      const known = error instanceof AppError ? error : new AppError('InvalidInput', (error as Error).message);
      const status = { Unauthenticated: 401, NotFound: 404, Unavailable: 503 }[known.code as string] ?? 400;
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(known.toBody()));
    }
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;

  const standIn: StandIn = {
    url: `http://127.0.0.1:${port}`,
    token,
    server_id,
    keeper,
    received,
    events: () => [...events.values()].sort((a, b) => a.seq - b.seq),
    lines: () => [...lines.values()].sort((a, b) => a.seq - b.seq),
    state: () => received.heartbeats.at(-1) ?? null,
    sign: (document, grant = {}) => signOffer(keeper, document, { aud: [server_id], ...grant }),
    async offerServerState(document) {
      server_state = await signServerOffer(keeper, document);
    },
    async offer(document, grant) {
      const response = await standIn.sign(document, grant);
      standIn.offerRaw(response);
      return response;
    },
    ask(question) {
      const id = newId('inquiry');
      const { promise, resolve } = Promise.withResolvers<InquiryAnswer['outcome']>();
      asked.set(id, { question: { id, ...question }, fetched: false, resolve });
      for (const done of [...waiting]) done();
      return promise;
    },
    offerRaw(body) {
      offered = { etag: `"${randomBytes(8).toString('hex')}"`, body };
      for (const done of [...waiting]) done();
    },
    answerDesiredStateWith(answer) {
      whatever = answer;
      for (const done of [...waiting]) done();
    },
    exchangeSecret(commitment, value) {
      secrets.set(commitment, { key: secrets.get(commitment)?.key ?? '', value });
    },
    tellKeyChanges: (changes) => {
      key_changes = changes;
    },
    async addSecret(value) {
      const key = randomBytes(32).toString('hex');
      const commitment = await commitmentOf(key, value);
      secrets.set(commitment, { key, value });
      return commitment;
    },
    loseAcknowledgements: (count) => {
      acks_to_lose = count;
    },
    revokeCredential: () => {
      credential = 'revoked';
    },
    goAway: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    comeBack: () => listen(port),
    close: () =>
      new Promise((resolve) => {
        for (const done of [...waiting]) done();
        if (!server.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return standIn;
}
