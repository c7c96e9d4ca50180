/** A stack and its services, one row per service and server. */
import { recentFailure, type ServiceOnServer } from '@mainstay/contract/operations/services';
import type { StackView } from '@mainstay/contract/operations/stacks';
import { element, time } from '../element.ts';
import { statusMark } from '../status-mark.ts';
import { mebibytes, serviceStatus, shortCommit, stackStatus } from '../words.ts';

const stages = ['sync', 'build', 'start', 'health', 'switch', 'drain'] as const;

export function stackView(stack: StackView, services: ServiceOnServer[]): HTMLElement {
  const held = Object.entries(stack.held_services);
  return element(
    'article',
    { class: 'card', 'data-stack': stack.name },
    element(
      'header',
      {},
      element('h3', {}, stack.name),
      statusMark(stackStatus(stack.health)),
      stack.url !== null && element('a', { href: safeLink(stack.url), class: 'out' }, stack.url),
      stack.version !== null && element('span', { class: 'quiet' }, versionText(stack)),
    ),
    stack.message !== null && element('p', { class: `message ${stack.health}` }, stack.message),
    ...held.map(([name, why]) => element('p', { class: 'message' }, `${name} is held: ${why}`)),
    services.length === 0
      ? element('p', { class: 'quiet' }, 'No server runs this stack yet.')
      : element(
          'table',
          { class: 'services' },
          element(
            'thead',
            {},
            element(
              'tr',
              {},
              ...['Service', 'State', 'Commit', 'Up', 'Restarts', 'Memory', 'Server'].map((title) =>
                element('th', { scope: 'col' }, title),
              ),
            ),
          ),
          ...services.map((service) => serviceRows(service, stack.health === 'healthy')),
        ),
  );
}

function serviceRows(service: ServiceOnServer, isWell: boolean): HTMLElement {
  const { observed } = service;
  const cell = (label: string, ...children: (Node | string)[]) => element('td', { 'data-label': label }, ...children);
  const name =
    observed?.url != null ? element('a', { href: safeLink(observed.url) }, service.service) : service.service;
  // What failed before a rollback to health is no news any more.
  const failure = isWell ? null : recentFailure(observed);
  const notes = [
    observed?.candidate ? candidateNote(observed.candidate) : null,
    failure ? failureNote(failure) : null,
    observed?.health.state === 'unhealthy' && observed.health.message !== null
      ? element('p', { class: 'note' }, `Health check: ${observed.health.message}`)
      : null,
  ].filter((note) => note !== null);
  return element(
    'tbody',
    { 'data-service': service.service, 'data-state': observed?.state ?? 'unknown' },
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, name),
      cell('State', statusMark(serviceStatus(service))),
      cell('Commit', commitText(service)),
      cell('Up', observed?.since != null && observed.pid !== null ? time(observed.since, 'for') : '–'),
      cell('Restarts', String(observed?.restarts ?? '–')),
      cell('Memory', observed?.memory_bytes != null ? mebibytes(observed.memory_bytes) : '–'),
      cell('Server', service.server),
    ),
    notes.length > 0 && element('tr', { class: 'notes' }, element('td', { colspan: '7' }, ...notes)),
  );
}

function candidateNote(candidate: NonNullable<NonNullable<ServiceOnServer['observed']>['candidate']>): HTMLElement {
  const reached = stages.indexOf(candidate.stage as (typeof stages)[number]);
  return element(
    'div',
    { class: 'note candidate' },
    element(
      'span',
      {},
      'Deploying ',
      element('code', {}, shortCommit(candidate.commit)),
      ' for ',
      time(candidate.since, 'for'),
    ),
    element(
      'ol',
      { class: 'stages' },
      ...stages.map((stage, index) =>
        element(
          'li',
          {
            class: index < reached ? 'past' : index === reached ? 'now' : null,
            'aria-current': index === reached ? 'step' : null,
          },
          stage,
        ),
      ),
    ),
  );
}

function failureNote(failure: NonNullable<NonNullable<ServiceOnServer['observed']>['last_failure']>): HTMLElement {
  return element(
    'div',
    { class: 'note failure' },
    element(
      'p',
      {},
      element('strong', {}, `${shortCommit(failure.commit)} failed at ${failure.stage}`),
      ' ',
      time(failure.at),
    ),
    element('pre', {}, failure.message),
    failure.hint !== null && element('p', {}, failure.hint),
  );
}

function commitText(service: ServiceOnServer): HTMLElement {
  const serving = service.observed?.commit ?? null;
  const desired = service.desired_commit;
  const behind = serving !== null && desired !== null && serving !== desired;
  return element(
    'span',
    {},
    serving === null ? '–' : element('code', { title: serving }, shortCommit(serving)),
    behind && ' → ',
    behind && element('code', { title: desired }, shortCommit(desired)),
  );
}

function versionText(stack: StackView): string {
  const behind = stack.serving_version !== null && stack.serving_version !== stack.version;
  return behind ? `version ${stack.version}, serving ${stack.serving_version}` : `version ${stack.version}`;
}

/** An address that a link may have: of the web, or none. */
function safeLink(url: string): string | null {
  return /^https?:\/\//.test(url) ? url : null;
}
