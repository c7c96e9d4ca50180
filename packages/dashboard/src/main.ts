/**
 * The first page: stacks, servers and services as they are, live. It shows only what the API gives, with the session's
 * cookie; somebody without a session is told how to get one.
 */
import './no-eval.ts';
import { createClient } from '@mainstay/contract/client';
import { AppError } from '@mainstay/contract/errors';
import { element } from './element.ts';
import { type Live, startLive } from './live.ts';
import { signInFromAddress, signOut } from './session.ts';
import { refreshed, type Snapshot } from './snapshot.ts';
import { statusMark } from './status-mark.ts';
import { createOverview } from './views/overview.ts';
import { signInNotice } from './views/sign-in-notice.ts';
import { ago, duration } from './words.ts';

const page = document.getElementById('page')!;
const connection = document.getElementById('connection')!;
const signOutButton = document.getElementById('sign-out')!;
const client = createClient({ url: location.origin });
const overview = createOverview();

let snapshot: Snapshot | null = null;
let updated_at: number | null = null;
let lost_at: number | null = null;
let live: Live | null = null;

setInterval(() => {
  refreshTimes();
  if (live) showConnection();
}, 1000);
signOutButton.addEventListener('click', () => void signOut().then(() => location.reload()));
// A link that is opened in a tab that shows this page already only changes what stands behind the #.
addEventListener('hashchange', () => void begin());
await begin();

/** Signs in where the address asks for it, and shows what there is. */
async function begin(): Promise<void> {
  try {
    const signedIn = await signInFromAddress();
    if (live && !signedIn) return;
    live?.close();
    if (await isSignedOut()) return showSignIn(null);
    live = startLive({ fetch: fetchAndShow, onConnection });
  } catch (error) {
    showSignIn(error instanceof AppError ? error : null);
  }
}

/** Asks once who is signed in, before everything is asked for. A control plane that is away is waited for. */
async function isSignedOut(): Promise<boolean> {
  try {
    await client['system.whoami']({});
    return false;
  } catch (error) {
    return error instanceof AppError && error.code === 'Unauthenticated';
  }
}

async function fetchAndShow(changed: Parameters<typeof refreshed>[2]): Promise<void> {
  try {
    snapshot = await refreshed(client, snapshot, changed);
  } catch (error) {
    if (error instanceof AppError && error.code === 'Unauthenticated') return showSignIn(null);
    throw error;
  }
  overview.show(snapshot);
  if (!overview.root.isConnected) page.replaceChildren(overview.root);
  signOutButton.hidden = false;
  refreshTimes();
}

function showSignIn(refusal: AppError | null): void {
  live?.close();
  live = null;
  snapshot = null;
  page.replaceChildren(signInNotice(refusal));
  connection.replaceChildren();
  signOutButton.hidden = true;
}

function onConnection(state: 'connected' | 'lost'): void {
  if (state === 'connected') {
    updated_at = Date.now();
    lost_at = null;
  } else {
    lost_at ??= Date.now();
  }
  showConnection();
}

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
