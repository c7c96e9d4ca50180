/** What somebody sees who is not signed in: how to get a link. */
import { element } from '../element.ts';

export function signInNotice(): HTMLElement {
  return element(
    'section',
    { class: 'notice', id: 'sign-in' },
    element('h1', {}, 'You are not signed in'),
    element(
      'p',
      {},
      'Mainstay has no passwords. It signs you in with a link that works once, made by somebody who can use the machine that it runs on.',
    ),
    element('p', {}, 'On that machine, run'),
    element('pre', {}, element('code', {}, 'mainstay sign-in-link')),
    element(
      'p',
      {},
      'and open the link that it prints. In a clone of the repository the command is ',
      element('code', {}, './mainstay sign-in-link'),
      '.',
    ),
  );
}
