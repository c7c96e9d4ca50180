/**
 * Flags of Node that each program is run with: what it needs to stay small. They are here because whoever starts a program
 * (the `up` command, a unit file, a bench) is not the program itself.
 */

/**
 * Measured with 1,000 agents: without `heap-growing-percent` 266 MB and 34 ms p99 of reads, of which 58 MB live; with 15,
 * 177 MB at the price of more collections; `optimize-for-size` 160 MB, but twice the processor time. On one core V8's own threads take turns with the
 * program while they mark: 157 ms p99 with 195 MB. `no-concurrent-marking` has 39 ms, and 276 MB; `max-semi-space-size=16` with 30, 58 ms and 235 MB.
 */
export const controlPlaneNodeFlags: readonly string[] = ['--max-semi-space-size=4', '--heap-growing-percent=20'];

/** The agent stays within 64 MB when idle with these. What each of them saves, and what they cost, is in ADR 0010. */
export const agentNodeFlags: readonly string[] = [
  '--max-semi-space-size=1',
  '--optimize-for-size',
  '--lite-mode',
  '--expose-gc',
];

/** glibc keeps an arena per thread unless it is told not to; each holds on to memory of its own. */
export const smallMalloc = { MALLOC_ARENA_MAX: '2' } as const;
