/** What the operations on servers are tried with; see cases.ts. */
import type { OperationId } from '@mainstay/contract/operations/index';
import type { Case } from './cases.ts';

const nowhere = 'nowhere';
/** Hash of no plan at all. */
const otherPlan = { plan_hash: '0'.repeat(64) };

export const serverCases = {
  'servers.list': { success: () => ({}), errors: {} },
  'servers.get': { success: () => ({ server: 'main' }), errors: { NotFound: () => ({ server: nowhere }) } },
  'servers.usage': { success: () => ({ server: 'main' }), errors: { NotFound: () => ({ server: nowhere }) } },
  'servers.diagnose': {
    success: () => ({ server: 'main', unit: 'agent', lines: 5 }),
    errors: {
      NotFound: () => ({ server: 'main', unit: 'service/nowhere' }),
      Conflict: () => ({ server: 'invited' }),
    },
    fields: { NotFound: 'unit', Conflict: 'server' },
  },
  'servers.invite': {
    success: () => ({ server: 'new', stack: 'shop', expires_seconds: 600 }),
    errors: {
      NotFound: () => ({ server: 'newer', stack: nowhere }),
      Conflict: () => ({ server: 'main' }),
    },
    fields: { Conflict: 'server' },
  },
  'servers.assign': {
    success: () => ({ server: 'idle', stack: 'shop' }),
    errors: {
      NotFound: () => ({ server: nowhere, stack: 'shop' }),
      Conflict: () => ({ server: 'invited', stack: 'shop' }),
    },
    fields: { Conflict: 'server' },
  },
  'servers.firewall_set': {
    success: () => ({ server: 'main', mode: 'daemon-port', ssh_from: ['203.0.113.7/32'] }),
    errors: {
      NotFound: () => ({ server: nowhere, mode: 'none' }),
      Conflict: () => ({ server: 'invited', mode: 'tunnel' }),
    },
    fields: { NotFound: 'server', Conflict: 'server' },
  },
  'servers.tunnel_set': {
    success: () => ({ server: 'main', token: 'eyJhIjoi+/=' }),
    errors: {
      NotFound: () => ({ server: nowhere, token: 'x' }),
      Conflict: () => ({ server: 'invited', token: 'x' }),
    },
    fields: { NotFound: 'server', Conflict: 'server' },
  },
  'servers.tunnel_remove': {
    success: () => ({ server: 'main' }),
    errors: {
      NotFound: () => ({ server: nowhere }),
      Conflict: () => ({ server: 'invited' }),
    },
    fields: { NotFound: 'server', Conflict: 'server' },
  },
  'servers.update_agent': {
    success: () => ({ server: 'main', version: '9.9.9' }),
    errors: {
      NotFound: () => ({ server: 'main', version: '9.9.8' }),
      Conflict: () => ({ server: 'invited' }),
    },
    fields: { NotFound: 'version', Conflict: 'server' },
  },
  'servers.update_agents': {
    success: () => ({ servers: ['main'], version: '9.9.9' }),
    errors: {
      NotFound: () => ({ labels: { tier: nowhere } }),
      Conflict: () => ({ servers: ['invited'] }),
    },
    fields: { NotFound: 'labels', Conflict: 'servers' },
  },
  'servers.drain': {
    success: () => ({ server: 'idle' }),
    errors: { NotFound: () => ({ server: nowhere }), Conflict: () => ({ server: 'invited' }) },
    fields: { NotFound: 'server', Conflict: 'server' },
  },
  'servers.undrain': {
    success: () => ({ server: 'idle' }),
    errors: { NotFound: () => ({ server: nowhere }), Conflict: () => ({ server: 'invited' }) },
    fields: { NotFound: 'server', Conflict: 'server' },
  },
  'servers.label': {
    success: () => ({
      server: 'idle',
      set: { tier: 'production', zone: 'a' },
      remove: ['gone'],
      environment: 'staging',
    }),
    errors: {
      NotFound: () => ({ server: nowhere, set: { tier: 'x' } }),
      Conflict: () => ({ server: 'idle', set: { tier: 'x' }, ...otherPlan }),
    },
    fields: { NotFound: 'server', Conflict: 'plan_hash' },
  },
  'servers.remove': {
    success: () => ({ server: 'leaving' }),
    errors: { NotFound: () => ({ server: nowhere }), Conflict: () => ({ server: 'main' }) },
    fields: { NotFound: 'server', Conflict: 'server' },
  },
} satisfies Partial<Record<OperationId, Case>>;
