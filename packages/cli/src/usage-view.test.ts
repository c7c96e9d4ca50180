import { describe, expect, it } from 'vitest';
import { noPaint } from './terminal/paint.ts';
import { sparkline } from './terminal/sparkline.ts';
import { serverUsageLines, serviceUsageLines } from './usage-view.ts';

const options = { paint: noPaint, width: null, now: 0 };
const intervals = { resolution_seconds: 60, from: 0, to: 240_000, times: [0, 60_000, 120_000, 180_000] };
const nothing = [null, null, null, null];

describe('a course in one line', () => {
  it('stands on zero, reaches its top with the most, and keeps gaps', () => {
    expect(sparkline([0, 0.5, null, 1], 4)).toBe('▁▅ █');
    expect(sparkline([0, 0], 8)).toBe('▁▁');
    expect(sparkline([], 8)).toBe('');
  });

  it('shows the most of what shares a place', () => {
    expect(sparkline([1, 8, null, 2, null, null], 3)).toBe('█▃ ');
  });
});

describe('usage', () => {
  it('of a server counts only what was reported', () => {
    const cpu = [0.1, null, 0.3, null];
    const server = { server: 'h1', cpus: 4, memory_total_bytes: 2 ** 31, disk_total_bytes: null };
    const columns = {
      cpu,
      cpu_max: cpu,
      memory_bytes: [2 ** 30, null, null, null],
      disk_bytes: nothing,
      load1: nothing,
    };
    const lines = serverUsageLines({ ...intervals, series: [{ ...server, ...columns }] }, options);
    expect(lines[0]).toMatch(/ to .+, by the minute$/);
    expect(lines.slice(2).map((line) => line.split(/ {2,}/).slice(0, 6))).toEqual([
      ['h1', 'cpu', '10 %', '20 %', '30 %', '4 cores'],
      ['h1', 'memory', '1.0 GiB', '1.0 GiB', '1.0 GiB', '2.0 GiB'],
    ]);
  });

  it('of a service tells its health of the time that it was seen, and its limit', () => {
    const server = { server: 'h1', cpus: 4, memory_total_bytes: 2 ** 31 };
    const series = {
      ...server,
      cpu: [0.5, 1.5, null, null],
      cpu_max: nothing,
      memory_bytes: nothing,
      health: ['healthy', 'down', null, null] as ('healthy' | 'down' | null)[],
      restarts: [0, 2, null, null],
    };
    const output = { ...intervals, series: [series], memory_limit_bytes: 2 ** 29, servers_left_out: 3 };
    expect(serviceUsageLines(output, options).slice(2)).toEqual([
      expect.stringContaining('cpu   0.500     1.00  1.50  4 cores  ▃█'),
      'h1: healthy in 50 % of the time seen, down in 50 % of the time seen, 2 restarts',
      '3 more servers; ask for one with --server.',
    ]);
  });

  it('that was not reported at all is said to be so', () => {
    expect(serverUsageLines({ ...intervals, series: [] }, options)).toEqual([
      expect.stringMatching(/^Nothing was reported from/),
    ]);
  });
});
