import { SecuritySettings } from '@mainstay/contract/server-state';
import { expect, test } from 'vitest';
import { bootUnitText, guardUnitText } from './boot-unit.ts';
import { rulesFor, stricterMode } from './rules.ts';
import { ufwRules } from './ufw.ts';

const facts = { ufw_active: false, proxy_ports: [8080, 80, 80], ssh_ports: [22], outer_links: [] };
const settings = (over: Partial<SecuritySettings>) => SecuritySettings.parse({ mode: 'daemon-port', ...over });

test.each([
  ['none', 'tunnel', 'tunnel'],
  ['tunnel', 'daemon-port', 'tunnel'],
  ['daemon-port', 'none', 'daemon-port'],
  ['none', 'none', 'none'],
] as const)('of %s and %s, %s is in effect', (one, other, effective) => {
  expect(stricterMode(one, other)).toBe(effective);
});

test('a mode opens the ports of the proxy or none, and SSH only where networks are named', () => {
  expect(rulesFor(settings({ mode: 'none' }), facts)).toBeNull();
  expect(rulesFor(settings({}), facts)).toMatchObject({ open_ports: [80, 8080], ssh_ports: [], ssh_from: [] });
  const tunnel = rulesFor(settings({ mode: 'tunnel', ssh_from: ['10.0.0.0/8', '10.0.0.0/8'] }), facts);
  expect(tunnel).toMatchObject({ open_ports: [], ssh_ports: [22], ssh_from: ['10.0.0.0/8'] });
});

test('rules are written by UFW where it is active or asked for, and by nftables elsewhere', () => {
  const by = (firewall: SecuritySettings['firewall'], ufw_active: boolean) =>
    rulesFor(settings({ firewall }), { ...facts, ufw_active })?.firewall;
  expect([by('auto', false), by('auto', true)]).toEqual(['nftables', 'ufw']);
  expect([by('nftables', true), by('ufw', false)]).toEqual(['nftables', 'ufw']);
});

test('UFW lets through what the mode opens', () => {
  const rules = rulesFor(settings({ ssh_from: ['10.0.0.0/8', '2001:db8::/32'] }), facts);
  expect(rules && ufwRules(rules)).toEqual([
    { port: 80, from: null },
    { port: 8080, from: null },
    { port: 22, from: '10.0.0.0/8' },
    { port: 22, from: '2001:db8::/32' },
  ]);
});

test('units take any path but one that they could not hold', () => {
  const text = bootUnitText('/usr/sbin/nft', '/srv/a b/100%/table.nft');
  expect(text).toContain('ExecStart="/usr/sbin/nft" -f "/srv/a b/100%%/table.nft"\n');
  expect(() => bootUnitText('nft', '/srv/a"b/table.nft')).toThrow(/cannot stand in a unit file/);
  expect(guardUnitText('/srv/pending', [{ copy: '/srv/copy', path: '/etc/ufw/user.rules' }])).toContain(
    'ExecStart=/bin/cp -- "/srv/copy" "/etc/ufw/user.rules"\n',
  );
});
