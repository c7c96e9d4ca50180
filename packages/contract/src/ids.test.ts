import { expect, test } from 'vitest';
import { idSchema, newId } from './ids.ts';

test('ids sort by the time at which they were made, and those of one millisecond in the order in which they were made', () => {
  const made = [1, 2, 3].flatMap((ms) =>
    Array.from({ length: 1_000 }, () => newId('operation', 1_760_000_000_000 + ms)),
  );
  expect(made).toEqual([...made].sort());
  expect(new Set(made).size).toBe(made.length);
});

test('an id is a UUID of version 7 behind its prefix, also when a millisecond has more ids than places', () => {
  const made = Array.from({ length: 5_000 }, () => newId('event', 1_760_000_000_000));
  expect(new Set(made).size).toBe(made.length);
  expect(made.filter((id) => !/^evt_0199c82cc0007[0-9a-f]{3}[89ab][0-9a-f]{15}$/.test(id))).toEqual([]);
  expect(idSchema('event').safeParse(made.at(-1)).success).toBe(true);
});

test('where the first id of a millisecond begins is not told by those before it', () => {
  const places = Array.from({ length: 200 }, (_, ms) => newId('run', 1_770_000_000_000 + ms).slice(17, 20));
  expect(new Set(places).size).toBeGreaterThan(100);
  for (const place of places) expect(Number.parseInt(place, 16)).toBeLessThan(0x800);
});
