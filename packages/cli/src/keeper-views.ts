/** How policies, keys of people, and the keeper's own keys and ledger look to people. Keys are shown whole: they are compared. */
import type { KeeperKey } from '@mainstay/contract/grant';
import type { KeeperAlert, LedgerPage, PersonKeyView, PolicySetView } from '@mainstay/contract/keeper-views';
import type { PolicyRule } from '@mainstay/contract/policy';
import { safeText } from './terminal/text.ts';
import { agoText, dateTimeText } from './terminal/time.ts';
import { coloured, table, type ViewOptions } from './view-parts.ts';

export function personKeyLines({ keys }: { keys: PersonKeyView[] }, options: ViewOptions): string[] {
  return table(
    ['PERSON', 'KEY', 'ROLE', 'STATE', 'REGISTERED', 'FINGERPRINT'].map((title) => ({ title })),
    keys.map((key) => [
      key.user_name,
      key.name,
      key.role,
      coloured(key.state),
      agoText(key.registered_at, options.now),
      key.id,
    ]),
    { ...options, width: null },
    'No keys yet. `mainstay keys register` makes and registers that of this device.',
  );
}

export function signingKeyLines({ keys }: { keys: KeeperKey[] }, options: ViewOptions): string[] {
  const rows = keys.map(({ kid }, at) => [at === 0 ? { text: 'current', colour: 'green' as const } : 'former', kid]);
  return table([{ title: 'SIGNING KEY' }, { title: 'ID' }], rows, { ...options, width: null }, 'No keys.');
}

export function ledgerLines({ entries }: LedgerPage, options: ViewOptions): string[] {
  return table(
    [{ title: '#', align: 'right' }, ...['WHEN', 'WHAT', 'OPERATION', 'HASH'].map((title) => ({ title }))],
    entries.map(({ seq, at, kind, operation_id, hash }) => [
      seq,
      dateTimeText(at),
      kind.replaceAll('_', ' '),
      operation_id,
      hash.slice(0, 16),
    ]),
    options,
    'The ledger has nothing after that.',
  );
}

type Policies = { policies: PolicySetView; alerts: KeeperAlert[] };

export function policyLines({ policies, alerts }: Policies, options: ViewOptions): string[] {
  const { paint } = options;
  const where =
    policies.source === 'default'
      ? `The built-in policies${policies.folder === null ? '' : `; your own go into ${policies.folder}`}.`
      : `Policies of ${policies.folder}.`;
  const lines = [
    safeText(where),
    '',
    ...table(
      [{ title: 'RULE' }, { title: 'EFFECT' }, { title: 'MATCHES', flexible: true }, { title: 'ASKS FOR' }],
      policies.rules.map(({ name, rule }) => [name, effectCell(rule), matchText(rule), requiredText(rule)]),
      options,
      'No rules: everything is denied.',
    ),
  ];
  if (policies.error) {
    lines.push('', `${paint('red', '!')} ${safeText(policies.error.message)}`);
    if (policies.error.hint) lines.push(`  ${safeText(policies.error.hint)}`);
    lines.push('  The rules above are the last good ones, and stay in force until this is mended.');
  }
  for (const { message, hint } of alerts) lines.push(`${paint('red', '!')} ${safeText(message)} ${safeText(hint)}`);
  return lines;
}

function effectCell({ effect }: PolicyRule) {
  const colour = effect === 'allow' ? 'green' : effect === 'deny' ? 'red' : 'yellow';
  return { text: effect, colour } as const;
}

function matchText({ match }: PolicyRule): string {
  const { operations, sources, target = {}, actor = {}, difference } = match;
  const { labels, ...named } = target;
  const parts = Object.entries({ operations, sources, ...named, ...actor, difference }).map(([name, value]) => {
    return value === undefined ? '' : `${name} ${[value].flat().join(' | ')}`;
  });
  for (const [label, glob] of Object.entries(labels ?? {})) parts.push(`label ${label}=${glob}`);
  return parts.filter((part) => part !== '').join('; ') || 'everything';
}

function requiredText({ effect, require, reason }: PolicyRule): string {
  if (effect === 'deny') return reason ?? '';
  if (!require) return '';
  const { approvals, role, proof, confirmation, window } = require;
  const parts: string[] = [];
  if (approvals > 0) parts.push(`${approvals} × approval${role ? ` of ${role}` : ''}`);
  if (confirmation) parts.push('confirmation');
  if (proof) parts.push(proof);
  if (window) parts.push(`${window.days.join(' ')} ${window.from}–${window.to} ${window.time_zone}`);
  return parts.join(', ');
}
