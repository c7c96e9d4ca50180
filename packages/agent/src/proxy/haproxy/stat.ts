/** The answer to `show stat`, as rows by column name (HAProxy management guide, "CSV format"). */
const columns = [
  ...(['pxname', 'svname', 'type', 'status', 'addr', 'scur'] as const),
  ...(['hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx'] as const),
  ...(['qtime', 'ctime', 'rtime', 'wretr', 'cli_abrt', 'srv_abrt', 'ereq', 'dreq'] as const),
];
/** Those that are read, of about a hundred. */
export type StatColumn = (typeof columns)[number];
export type StatRow = Readonly<Record<StatColumn, string>>;

/** Reads the CSV; no rows for an empty text, which is that of a worker that is gone. No value that is used holds a comma. */
export function readStat(text: string): StatRow[] {
  if (text === '') return [];
  const lines = text.split('\n').filter((line) => line !== '');
  const head = lines.shift();
  if (!head?.startsWith('# pxname,'))
    throw new Error(`HAProxy gave no statistics: ${head?.slice(0, 200) ?? 'nothing'}`);
  const names = head.slice(2).split(',');
  const places = columns.map((column) => names.indexOf(column));
  return lines.map((line) => {
    const values = line.split(',');
    const row = {} as Record<StatColumn, string>;
    for (let i = 0; i < columns.length; i++) row[columns[i]!] = values[places[i]!] ?? '';
    return row;
  });
}

export const numberOf = (row: StatRow, column: StatColumn): number => Number(row[column] || 0);
