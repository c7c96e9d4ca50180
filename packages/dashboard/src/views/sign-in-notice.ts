/** What somebody sees who is not signed in: how to get a link, and why theirs did not work if they came with one. */
import type { AppError } from '@mainstay/contract/errors';
import { element } from '../element.ts';
import { statusMark } from '../status-mark.ts';

export function signInNotice(refusal: AppError | null): HTMLElement {
  return element(
    'section',
    { class: 'sign-in', id: 'sign-in' },
    element('h1', {}, 'You are not signed in'),
    refusal && element('p', { role: 'alert' }, statusMark({ tone: 'bad', word: refusal.message })),
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
