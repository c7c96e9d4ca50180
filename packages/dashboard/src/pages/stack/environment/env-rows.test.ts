import { expect, test } from 'vitest';
import { envOf, isEdited, problemsOf, withEntries } from './env-rows.ts';

const row = (id: number, name: string, value = 'x') => ({ id, name, value });

test('a name that Mainstay sets itself is refused with its reason, a doubled one and one of a secret too', () => {
  const rows = [
    row(0, 'PORT'),
    row(1, 'SERVICE_API_URL'),
    row(2, '1A'),
    row(3, 'A'),
    row(4, 'A'),
    row(5, 'KEY'),
    row(6, 'OK'),
  ];
  const problems = problemsOf({ rows, secrets: ['KEY'] });
  expect([...problems.keys()]).toEqual([0, 1, 2, 4, 5]);
  expect(problems.get(0)).toContain('is set by Mainstay itself');
});

test('an empty row counts for nothing', () => {
  const rows = [row(0, 'A', '1'), row(1, '', '')];
  expect(problemsOf({ rows, secrets: [] }).size).toBe(0);
  expect(envOf(rows)).toEqual({ A: '1' });
});

test('pasted variables replace those of the same name and add the rest', () => {
  const next = withEntries(
    [row(0, 'A', '1'), row(1, '', '')],
    [
      { name: 'A', value: '2' },
      { name: 'B', value: '3' },
    ],
  );
  expect(envOf(next)).toEqual({ A: '2', B: '3' });
  expect(new Set(next.map(({ id }) => id)).size).toBe(2);
});

test('a draft that says what is in force is no edit, in whatever order it stands', () => {
  const service = { env: { A: '1', B: '2' }, secrets: ['X', 'Y'] } as unknown as Parameters<typeof isEdited>[1];
  expect(isEdited({ rows: [row(0, 'B', '2'), row(1, 'A', '1')], secrets: ['Y', 'X'] }, service)).toBe(false);
  expect(isEdited({ rows: [row(0, 'B', '2')], secrets: ['Y', 'X'] }, service)).toBe(true);
  expect(isEdited({ rows: [row(0, 'B', '2'), row(1, 'A', '1')], secrets: ['X'] }, service)).toBe(true);
});
