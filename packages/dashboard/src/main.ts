/**
 * The first page: stacks, servers and services as they are, live. It shows only what the API gives, with the session's
 * cookie; somebody without a session is told how to get one.
 */
import './no-eval.ts';
import { createClient } from '@mainstay/contract/client';
import { AppError } from '@mainstay/contract/errors';
import { element } from './element.ts';
import { type Live, startLive } from './live.ts';
import { refreshed, type Snapshot } from './snapshot.ts';
import { statusMark } from './status-mark.ts';
import { createOverview } from './views/overview.ts';
import { signInNotice } from './views/sign-in-notice.ts';
import { ago, duration } from './words.ts';

const page = document.getElementById('page')!;
const connection = document.getElementById('connection')!;
const client = createClient({ url: location.origin });
const overview = createOverview();

let snapshot: Snapshot | null = null;
let updated_at: number | null = null;
let lost_at: number | null = null;
let live: Live | null = null;

function showSignIn(): void {
  live?.close();
  page.replaceChildren(signInNotice());
  connection.replaceChildren();
}

live = startLive({
  async fetch(changed) {
    try {
      snapshot = await refreshed(client, snapshot, changed);
    } catch (error) {
      if (error instanceof AppError && error.code === 'Unauthenticated') return showSignIn();
      throw error;
    }
    overview.show(snapshot);
    if (overview.root.parentElement === null) page.replaceChildren(overview.root);
    refreshTimes();
  },
  onConnection(state) {
    if (state === 'connected') {
      updated_at = Date.now();
      lost_at = null;
    } else {
      lost_at ??= Date.now();
    }
    showConnection();
  },
});

function showConnection(): void {
  if (lost_at !== null) {
    const what = updated_at === null ? '' : ` What you see is from ${new Date(updated_at).toLocaleTimeString()}.`;
    const word = `Connection lost ${duration(Date.now() - lost_at)} ago, trying again.${what}`;
    connection.replaceChildren(statusMark({ tone: 'bad', word }));
  } else if (updated_at !== null) {
    const when = element('span', { class: 'quiet' }, `updated ${ago(updated_at, Date.now())}`);
    connection.replaceChildren(statusMark({ tone: 'good', word: 'Live' }), when);
  }
  document.body.classList.toggle('stale', lost_at !== null);
}

/** Writes all ages on the page anew. */
function refreshTimes(): void {
  const now = Date.now();
  for (const time of document.querySelectorAll('time')) {
    const at = Date.parse(time.dateTime);
    const text = time.dataset['form'] === 'for' ? duration(now - at) : ago(at, now);
    if (time.textContent !== text) time.textContent = text;
  }
}

setInterval(() => {
  refreshTimes();
  if (document.getElementById('sign-in') === null) showConnection();
}, 1000);
