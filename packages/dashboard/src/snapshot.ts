/** What the page shows: the answers of four reads, each fetched anew when its topic changed. */
import type { Client } from '@mainstay/contract/client';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { EventView } from '@mainstay/contract/operations/watch';

export const topics = ['stacks', 'servers', 'services', 'events'] as const;
export type Topic = (typeof topics)[number];

export type Snapshot = {
  stacks: StackView[];
  servers: ServerView[];
  services: ServiceOnServer[];
  events: EventView[];
};

const eventsShown = 40;

/** Fetches the given topics, all at once, into a copy of the snapshot. */
export async function refreshed(
  client: Client,
  before: Snapshot | null,
  wanted: ReadonlySet<Topic>,
): Promise<Snapshot> {
  const needs = (topic: Topic) => before === null || wanted.has(topic);
  const [stacks, servers, services, events] = await Promise.all([
    needs('stacks') ? client['stacks.list']({}).then((answer) => answer.stacks) : before!.stacks,
    needs('servers') ? client['servers.list']({}).then((answer) => answer.servers) : before!.servers,
    needs('services') ? client['services.list']({}).then((answer) => answer.services) : before!.services,
    needs('events') ? client['events.list']({ limit: eventsShown }).then((answer) => answer.events) : before!.events,
  ]);
  return { stacks, servers, services, events };
}
