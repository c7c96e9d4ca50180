/** The answer to `show stat`, as rows by column name (HAProxy management guide, "CSV format"). */
export type StatRow = Readonly<Record<string, string>>;

/** Reads the CSV; no rows for an empty text, which is that of a worker that is gone. No value that is used holds a comma. */
export function readStat(text: string): StatRow[] {
  if (text === '') return [];
  const lines = text.split('\n').filter((line) => line !== '');
  const head = lines.shift();
  if (!head?.startsWith('# pxname,'))
    throw new Error(`HAProxy gave no statistics: ${head?.slice(0, 200) ?? 'nothing'}`);
  const names = head.slice(2).split(',');
  return lines.map((line) => {
    const values = line.split(',');
    const row: Record<string, string> = {};
    for (let i = 0; i < names.length; i++) row[names[i]!] = values[i] ?? '';
    return row;
  });
}

export const numberOf = (row: StatRow, column: string): number => Number(row[column] || 0);
