/**
 * The bus port: streams of messages, and durable consumers that pull from them. Delivery is at least once; who handles a message
 * makes that exactly one effect, by a key. What stands here is what both JetStream and Redis Streams can keep; where adapters differ,
 * a capability says so (ADR 0016).
 *
 * Stream: messages in the order in which they were stored, under the subjects that are the stream's, bounded by number, size and age.
 * Message id: the publisher's; one that comes again within the stream's duplicate window is not stored again.
 * Consumer: a durable position in a stream, by name. Any number of processes fetch under one name, and share the work.
 * Delivery: a message in somebody's hands until it is settled (ack, nak, term), or until ack_wait is over and it is delivered again.
 * Dead letter: a message that a consumer terminated, or that was delivered max_deliver times and never settled.
 *
 *                 ┌──── nak(delay), or ack_wait is over ────┐
 *                 ▼                                         │
 *   stored ──▶ waiting ──fetch──▶ delivered ──────────────▶ ┤ ──▶ done (ack)
 *                                   │   ▲ in progress       │
 *                                   └───┘                   └──▶ dead (term, or the last delivery failed)
 *
 * Order: first deliveries of a consumer are in the order of the stream. What is delivered again is out of order, unless
 * `max_ack_pending` is 1: then nothing is delivered before what went before it is settled.
 */
export type StreamSpec = {
  /** Letters of a to z, digits, `_` and `-`. */
  name: string;
  /** Subjects and patterns; those of two streams do not overlap. */
  subjects: readonly string[];
  /** When there are more or larger or older ones, the oldest go, whether they were consumed or not. */
  max_messages: number;
  max_bytes: number;
  max_age_ms: number;
  /** Bytes of one payload as JSON. */
  max_payload_bytes: number;
  /** How long an id is remembered; no longer than its message is kept. */
  duplicate_window_ms: number;
};

export type ConsumerName = { stream: string; consumer: string };

export type ConsumerSpec = ConsumerName & {
  /** Subjects and patterns within those of the stream. */
  subjects: readonly string[];
  /** How long a delivery may take before the message is delivered again; 100 ms to 1 hour. */
  ack_wait_ms: number;
  /** Deliveries of one message, the first included; 1 to 1,000. */
  max_deliver: number;
  /** Messages that are delivered and not settled, over all processes; 1 to 10,000. */
  max_ack_pending: number;
  /** Where a consumer that is new begins: with the oldest message that is kept, or with the next that is published. */
  start: 'all' | 'new';
};

export type NewMessage = {
  subject: string;
  /** 1 to 128 characters; what happens once has one id, however often it is published. */
  id: string;
  /** A JSON value without secrets. */
  payload: unknown;
};

export type Delivery = ConsumerName & {
  /** The adapter's name of the message within its stream. */
  key: string;
  subject: string;
  id: string;
  payload: unknown;
  published_at: number;
  /** How often it was delivered to this consumer, this time included. */
  deliveries: number;
};

export type DeadLetter = Omit<Delivery, 'stream' | 'consumer'> & { reason: string; died_at: number };

export type ConsumerState = {
  /** Messages of its subjects that were never delivered. */
  waiting: number;
  /** Delivered and not settled, or waiting for another delivery. */
  in_flight: number;
  dead: number;
};

export type BusCapabilities = {
  /** A message can go out in the same write as its cause. Without it, it goes to the store's bus, and a relay publishes it. */
  atomic_publish: boolean;
  /** A delivery that was overtaken by the next can no longer nak, term or extend it. JetStream and Redis take whatever comes. */
  fenced: boolean;
};

export type FetchOptions = ConsumerName & {
  /** Messages at most; 1 to 1,000. */
  batch: number;
  /** How long to wait for the first, at most 60 s; 0 and by default: not at all. */
  wait_ms?: number;
  signal?: AbortSignal;
};

export type Bus = {
  readonly capabilities: BusCapabilities;
  /** @throws AppError InvalidInput or TooLarge, naming the field; Unavailable when it cannot be stored now. */
  publish(message: NewMessage): Promise<{ duplicate: boolean }>;
  /** Makes a durable consumer, or gives one that exists these properties; its position stays. */
  addConsumer(spec: ConsumerSpec): Promise<void>;
  /** Forgets a consumer, its position and its dead letters. */
  removeConsumer(name: ConsumerName): Promise<void>;
  /** What is there, up to a batch, in the order of the stream; empty when the time is up or the signal aborted. */
  fetch(options: FetchOptions): Promise<Delivery[]>;
  /** Done. Holds also when it comes late, so that what was done is not done once more. */
  ack(delivery: Delivery): Promise<void>;
  /** Not done: it is delivered again after so many milliseconds (0 to 24 hours), or is dead when this was its last delivery. */
  nak(delivery: Delivery, delay_ms: number, reason?: string): Promise<void>;
  /** Never to be delivered again: it becomes a dead letter, with this reason. */
  term(delivery: Delivery, reason: string): Promise<void>;
  /** Still at it: ack_wait begins anew. */
  inProgress(delivery: Delivery): Promise<void>;
  consumerState(name: ConsumerName): Promise<ConsumerState>;
  /** The newest first; `before` is the key of the last one of the page before. At most 100 by default. The newest 1,000 are kept. */
  deadLetters(name: ConsumerName, page?: { before?: string; limit?: number }): Promise<DeadLetter[]>;
  /** Applies the bounds of the streams where the adapter's server does not itself. */
  prune(): Promise<PruneOutcome[]>;
};

/** What retention took from a stream; `unseen` is how many of them were never delivered to a consumer that lags behind. */
export type PruneOutcome = { stream: string; removed: number; unseen: number };
