/** A desired state made by hand for tests: of a stack without services, but for what a test says otherwise. */
import type { DesiredState } from '../desired-state.ts';
import { newId } from '../ids.ts';

export function desiredState(state: Partial<DesiredState> = {}): DesiredState {
  return {
    schema: 1,
    stack_id: newId('stack'),
    stack: 'shop',
    version: 1,
    poll_interval_seconds: 60,
    proxy: { port: 8080, bind: 'loopback' },
    names: { domain: 'svc.internal', port: 8081 },
    security_mode: 'none',
    services: {},
    removed: null,
    ...state,
  };
}
