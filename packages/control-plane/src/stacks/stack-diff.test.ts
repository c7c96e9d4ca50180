import type { DesiredState } from '@mainstay/contract/desired-state';
import { RolloutSettings, StackSpec } from '@mainstay/contract/stack';
import { describe, expect, it } from 'vitest';
import { diffStacks, type StackContent } from './stack-diff.ts';

const service = StackSpec.parse({ services: { api: { source: { git: '/srv/api' }, run: 'x' } } }).services['api']!;

function content(services: DesiredState['services'], removed: DesiredState['removed'] = null): StackContent {
  const document = { stack: 'shop', poll_interval_seconds: 60, services, removed } as DesiredState;
  return { document, auto_deploy: true, rollout: RolloutSettings.parse({}), targets: null };
}

describe('a service that goes', () => {
  const before = content({ api: { ...service, secrets: {} } as unknown as DesiredState['services'][string] });

  it('keeps its data folder where nothing else was asked for', () => {
    const kept = [{ action: 'delete', path: 'services.api', note: 'stops; its data folder is kept' }];
    expect(diffStacks(before, content({}))).toEqual(kept);
    expect(diffStacks(before, content({}, { delete_data: false }))).toEqual(kept);
  });

  it('is never said to keep its data where the data is deleted', () => {
    expect(diffStacks(before, content({}, { delete_data: true }))).toEqual([
      { action: 'delete', path: 'services.api', note: 'stops; its data folder is deleted' },
    ]);
  });
});
