/** The page of somebody who is signed in. Each section is drawn anew only when what it shows has changed. */
import { element } from '../element.ts';
import type { Snapshot } from '../snapshot.ts';
import { statusMark } from '../status-mark.ts';
import { counted, type Status, serviceStatus } from '../words.ts';
import { eventList } from './event-list.ts';
import { serverView } from './server-view.ts';
import { stackView } from './stack-view.ts';

export type Overview = { root: HTMLElement; show(snapshot: Snapshot): void };

export function createOverview(): Overview {
  const summary = section('summary', null);
  const stacks = section('stacks', 'Stacks');
  const servers = section('servers', 'Servers');
  const events = section('events', 'Events');
  return {
    root: element('div', { class: 'overview' }, summary.root, stacks.root, servers.root, events.root),
    show(snapshot) {
      summary.show([overallStatus(snapshot), countsOf(snapshot)], () => summaryOf(snapshot));
      stacks.show([snapshot.stacks, snapshot.services], () => stacksOf(snapshot));
      servers.show(snapshot.servers, () => serversOf(snapshot));
      events.show(snapshot.events, () => [eventList(snapshot.events)]);
    },
  };
}

function section(id: string, title: string | null) {
  const body = element('div', { class: 'body' });
  const root = element('section', { id }, title !== null && element('h2', {}, title), body);
  let shown = '';
  return {
    root,
    show(value: unknown, draw: () => Node[]) {
      const key = JSON.stringify(value);
      if (key === shown) return;
      shown = key;
      body.replaceChildren(...draw());
    },
  };
}

function summaryOf(snapshot: Snapshot): Node[] {
  return [element('h1', {}, statusMark(overallStatus(snapshot))), element('p', { class: 'quiet' }, countsOf(snapshot))];
}

/** The worst that there is, in one sentence. */
export function overallStatus({ stacks, servers, services }: Snapshot): Status {
  const offline = servers.filter((server) => server.state === 'offline');
  if (offline.length > 0) return { tone: 'bad', word: `${counted(offline.length, 'server')} offline` };
  const tones = services.map((service) => serviceStatus(service).tone);
  const troubled = tones.filter((tone) => tone === 'bad' || tone === 'warning').length;
  if (troubled > 0) return { tone: 'bad', word: `${counted(troubled, 'service')} in trouble` };
  if (stacks.some((stack) => stack.health === 'failed')) return { tone: 'bad', word: 'A deployment failed' };
  if (stacks.some((stack) => stack.health === 'degraded')) return { tone: 'warning', word: 'A stack is degraded' };
  if (stacks.some((stack) => stack.health === 'deploying') || tones.includes('busy')) {
    return { tone: 'busy', word: 'Deploying' };
  }
  if (stacks.length === 0) return { tone: 'idle', word: 'Nothing deployed yet' };
  return { tone: 'good', word: 'All is well' };
}

function countsOf({ stacks, servers, services }: Snapshot): string {
  const healthy = services.filter((service) => serviceStatus(service).tone === 'good').length;
  const online = servers.filter((server) => server.state === 'online').length;
  return [
    counted(stacks.length, 'stack'),
    `${healthy} of ${counted(services.length, 'service')} healthy`,
    `${online} of ${counted(servers.length, 'server')} online`,
  ].join(' · ');
}

function stacksOf({ stacks, services }: Snapshot): Node[] {
  if (stacks.length === 0) {
    return [
      element('p', { class: 'quiet' }, 'No stack yet. Write one down in a mainstay.yaml, and run '),
      element('pre', {}, element('code', {}, 'mainstay apply -f mainstay.yaml')),
    ];
  }
  return stacks.map((stack) =>
    stackView(
      stack,
      services.filter((service) => service.stack === stack.name),
    ),
  );
}

function serversOf({ servers }: Snapshot): Node[] {
  if (servers.length > 0) return servers.map(serverView);
  return [
    element(
      'p',
      { class: 'quiet' },
      'No server yet. Invite one, and run the agent there with the token that this prints:',
    ),
    element('pre', {}, element('code', {}, 'mainstay servers invite my-server')),
  ];
}
