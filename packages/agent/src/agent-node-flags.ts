/**
 * Flags of Node with which the agent is to be run, so that it stays within 64 MB when idle. What each of them saves, and what
 * they cost, is in ADR 0010.
 */
export const agentNodeFlags: readonly string[] = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--lite-mode',
  '--expose-gc',
];
