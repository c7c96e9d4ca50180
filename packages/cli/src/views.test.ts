import type { StackView } from '@mainstay/contract/operations/stacks';
import { expect, it } from 'vitest';
import { stackLines } from './views.ts';

const stack: StackView = {
  id: 'stk_1',
  name: 'shop',
  health: 'healthy',
  message: null,
  version: 2,
  serving_version: 2,
  servers: ['h1'],
  services: ['api'],
  url: null,
  held_services: {},
  paused: null,
  webhook: false,
  updated_at: 1_000,
};

it('a stack that is paused is told as such, with who, since when and why', () => {
  const options = { paint: (_: string, text: string) => text, width: null, now: 61_000 };
  const text = (paused: StackView['paused']) => stackLines([{ ...stack, paused }], options).join('\n');
  expect(text(null)).not.toContain('paused');
  expect(text({ by: 'owner', reason: 'the \u001b[31msale', at: 1_000 })).toMatch(
    /! shop: paused by owner 1 min ago: the .*sale/,
  );
  expect(text({ by: 'owner', reason: 'the \u001b[31msale', at: 1_000 })).not.toContain('\u001b');
  expect(text({ by: 'owner', reason: null, at: 1_000 })).toMatch(/paused by owner 1 min ago$/m);
});
