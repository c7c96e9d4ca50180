/** Everything that is done to servers, put together. */
import type { Handler } from '../operations/handlers.ts';
import { diagnosisHandlers } from './diagnose-operations.ts';
import { drainHandlers } from './drain-operations.ts';
import { serverLabelHandlers } from './server-labels.ts';
import { serverHandlers } from './server-operations.ts';
import { serverStateHandlers } from './server-state-operations.ts';

export const allServerHandlers: readonly Handler[] = [
  ...serverHandlers,
  ...serverLabelHandlers,
  ...serverStateHandlers,
  ...drainHandlers,
  ...diagnosisHandlers,
];
