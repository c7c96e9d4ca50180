/** A server: whether it is there, what it runs, what is wrong with it. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { element, time } from '../element.ts';
import { statusMark } from '../status-mark.ts';
import { serverStatus } from '../words.ts';

export function serverView(server: ServerView): HTMLElement {
  const fact = (label: string, value: Node | string) => [element('dt', {}, label), element('dd', {}, value)];
  return element(
    'article',
    { class: 'card server', 'data-server': server.name },
    element('header', {}, element('h3', {}, server.name), statusMark(serverStatus(server.state))),
    element(
      'dl',
      {},
      ...fact('Stack', server.stack ?? 'none'),
      ...(server.version === null
        ? []
        : fact('Version', server.converged ? `${server.version}, as desired` : `${server.version}, not reached`)),
      ...(server.os === null ? [] : fact('System', server.os)),
      ...(server.agent_version === null ? [] : fact('Agent', server.agent_version)),
      ...(server.last_seen_at === null ? [] : fact('Last seen', time(server.last_seen_at))),
    ),
    ...server.problems.map((problem) => element('p', { class: 'message' }, problem)),
  );
}
