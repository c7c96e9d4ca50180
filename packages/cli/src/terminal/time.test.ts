import { expect, it } from 'vitest';
import { dateTimeText, timeValue } from './time.ts';

const now = Date.parse('2026-01-31T17:05:09Z');

it.each([
  ['90s', now - 90_000],
  ['10m', now - 600_000],
  ['2h', now - 7_200_000],
  ['3d', now - 259_200_000],
  ['2026-01-31T17:05Z', Date.parse('2026-01-31T17:05:00Z')],
  ['999999999d', 0],
])('%s is a moment', (text, at) => {
  expect(timeValue('since', text, now)).toBe(at);
});

it('a date is one of this machine, as it is shown', () => {
  for (const text of ['2026-01-31', '2026-01-31 12:30', '2026-01-31T12:30:15']) {
    const shown = dateTimeText(timeValue('since', text, now));
    expect(shown.startsWith(text.replace('T', ' '))).toBe(true);
  }
});

it.each(['', 'yesterday', '10', '-5m', '10 m', '2026-13-01', '1e3s'])(
  '"%s" is none, and the option is named',
  (text) => {
    expect(() => timeValue('since', text, now)).toThrow(
      expect.objectContaining({ code: 'InvalidInput', field: 'since', hint: expect.stringContaining('10m') }),
    );
  },
);
