/** How people and their keys look to people: whole ids, because sessions and tokens are ended by them. */
import type { SessionView, TokenView, UserView } from '@mainstay/contract/operations/access';
import { tableLines } from './terminal/table.ts';
import { agoText, dateTimeText } from './terminal/time.ts';
import type { ViewOptions } from './views.ts';

export function userLines({ users }: { users: UserView[] }, options: ViewOptions): string[] {
  const columns = ['NAME', 'ROLE', 'SESSIONS', 'TOKENS', 'LAST SEEN', 'ADDED'].map((title) => ({ title }));
  const rows = users.map((user) => [
    user.name,
    user.role,
    user.sessions,
    user.tokens,
    seenText(user.last_seen_at, options.now),
    agoText(user.created_at, options.now),
  ]);
  return tableLines(columns, rows, options);
}

export function sessionLines({ sessions }: { sessions: SessionView[] }, options: ViewOptions): string[] {
  if (sessions.length === 0) return ['No sessions.'];
  const columns = [
    { title: 'ID' },
    { title: 'BROWSER', flexible: true },
    { title: 'LAST USED' },
    { title: 'SIGNED IN' },
    { title: 'ENDS' },
    { title: '' },
  ];
  const rows = sessions.map((session) => [
    session.id,
    session.user_agent,
    seenText(session.last_used_at, options.now),
    agoText(session.created_at, options.now),
    dateTimeText(session.expires_at),
    session.is_current ? 'this one' : '',
  ]);
  return tableLines(columns, rows, options);
}

export function tokenLines({ tokens }: { tokens: TokenView[] }, options: ViewOptions): string[] {
  if (tokens.length === 0) return ['No tokens.'];
  const columns = [
    { title: 'ID' },
    { title: 'NAME', flexible: true },
    { title: 'ROLE' },
    { title: 'LAST USED' },
    { title: 'MADE' },
    { title: 'ENDS' },
    { title: '' },
  ];
  const rows = tokens.map((token) => [
    token.id,
    token.name,
    token.role,
    seenText(token.last_used_at, options.now),
    agoText(token.created_at, options.now),
    token.expires_at === null ? '' : dateTimeText(token.expires_at),
    token.is_current ? 'this one' : '',
  ]);
  return tableLines(columns, rows, options);
}

function seenText(at: number | null, now: number): string {
  return at === null ? 'never' : agoText(at, now);
}
