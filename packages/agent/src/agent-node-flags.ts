/**
 * Flags of Node with which the agent is to be run. Its idle memory is mostly V8's young generation and code; measured with
 * the bundle and two services: see docs/decisions/0010.
 */
export const agentNodeFlags: readonly string[] = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--disable-warning=ExperimentalWarning',
];
