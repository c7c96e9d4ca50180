/** How a server that was asked how it is looks to people: what is wrong first, then units, ports, disks and the last lines. */
import type { DiagnosedUnit, ListeningPort, ServerDiagnosis } from '@mainstay/contract/diagnosis';
import { safeLogLine, safeText } from './terminal/text.ts';
import { agoText, bytesText, dateTimeText } from './terminal/time.ts';
import { coloured, table, type ViewOptions } from './view-parts.ts';

type Output = { server: string; asked_at: number; diagnosis: ServerDiagnosis };

export function diagnosisLines({ server, diagnosis }: Output, options: ViewOptions): string[] {
  const { paint } = options;
  const section = (title: string, lines: readonly string[]) => ['', paint('bold', title), ...lines];
  return [
    `${safeText(server)}, asked at ${dateTimeText(diagnosis.at)}, answered in ${(diagnosis.took_ms / 1000).toFixed(1)} s`,
    ...factLines(diagnosis),
    ...section('Checks', checkLines(diagnosis, options)),
    ...section('Units', unitLines(diagnosis.units, options)),
    ...failedLines(diagnosis, section),
    ...section('Listening', portLines(diagnosis.ports, options)),
    ...section('Disks', diskLines(diagnosis, options)),
    ...diagnosis.logs.flatMap(({ name, source, lines, cut }) =>
      section(`Log of ${safeText(name)} (${safeText(source)})`, [
        ...(cut ? ['  older lines are left out'] : []),
        ...(lines.length === 0 ? ['  nothing'] : []),
        ...lines.map(({ at, text }) => `  ${at === null ? '' : `${dateTimeText(at)}  `}${safeLogLine(text)}`),
      ]),
    ),
    ...(diagnosis.notes.length > 0
      ? section(
          'Left out',
          diagnosis.notes.map((note) => `  ${paint('yellow', '!')} ${safeText(note)}`),
        )
      : []),
  ];
}

function factLines({ agent_version, supervisor, proxy, memory, clock }: ServerDiagnosis): string[] {
  const { offset_ms, synchronized } = clock;
  const off =
    offset_ms === null ? 'not known' : `${Math.abs(offset_ms)} ms ${offset_ms < 0 ? 'behind' : 'ahead of'} the panel`;
  const ntp = synchronized === null ? '' : synchronized ? ', kept by NTP' : ', not kept by NTP';
  return [
    `agent ${safeText(agent_version)}, services by ${safeText(supervisor)}, proxy ${safeText(proxy)}`,
    ...(memory
      ? [
          `memory ${bytesText(memory.available_bytes)} of ${bytesText(memory.total_bytes)} available${
            memory.swap_total_bytes > 0
              ? `, swap ${bytesText(memory.swap_free_bytes)} of ${bytesText(memory.swap_total_bytes)} free`
              : ''
          }`,
        ]
      : []),
    `clock ${off}${ntp}`,
  ];
}

function checkLines({ checks }: ServerDiagnosis, { paint }: ViewOptions): string[] {
  if (checks.length === 0) return ['  none were made'];
  return checks.flatMap(({ name, ok, message, fix }) => [
    `  ${ok ? paint('green', 'ok   ') : paint('red', 'WRONG')}  ${safeText(name).padEnd(9)} ${safeText(message)}`,
    ...(fix === null ? [] : [`${' '.repeat(19)}${safeText(fix)}`]),
  ]);
}

function unitLines(units: readonly DiagnosedUnit[], options: ViewOptions): string[] {
  return table(
    [
      { title: 'NAME' },
      { title: 'STATE' },
      { title: 'SINCE' },
      { title: 'RESTARTS', align: 'right' },
      { title: 'MEMORY', align: 'right' },
      { title: 'LAST END' },
      { title: 'UNIT', flexible: true },
    ],
    units.map((one) => [
      one.name,
      coloured(one.sub_state === null || one.sub_state === one.state ? one.state : `${one.state} (${one.sub_state})`),
      agoText(one.since, options.now),
      one.restarts,
      bytesText(one.memory_bytes),
      endText(one.last_exit, options.now),
      one.unit ?? (one.pid === null ? '–' : `process ${one.pid}`),
    ]),
    options,
    'No units.',
  );
}

function endText(exit: DiagnosedUnit['last_exit'], now: number): string {
  if (!exit) return '';
  const how = exit.signal ?? (exit.code === null ? 'not known' : `code ${exit.code}`);
  return `${how}${exit.reason === null ? '' : `, ${exit.reason.replaceAll('_', ' ')}`}, ${agoText(exit.at, now)}`;
}

function failedLines(
  { failed_units }: ServerDiagnosis,
  section: (title: string, lines: readonly string[]) => string[],
): string[] {
  if (failed_units === null || failed_units.length === 0) return [];
  const lines = failed_units.map(({ unit, description }) => `  ${safeText(unit)}  ${safeText(description)}`);
  return section('Failed units of the server', lines);
}

function portLines(ports: readonly ListeningPort[], options: ViewOptions): string[] {
  return table(
    [{ title: 'PORT', align: 'right' }, { title: 'ADDRESS' }, { title: 'PROCESS' }, { title: 'OF', flexible: true }],
    ports.map(({ port, protocol, address, process, pid, unit, own }) => [
      `${port}/${protocol}`,
      address,
      process === null ? '–' : `${process} (${pid})`,
      own ? `${unit} (Mainstay)` : (unit ?? '–'),
    ]),
    options,
    'Nothing listens.',
  );
}

function diskLines({ disks }: ServerDiagnosis, options: ViewOptions): string[] {
  const percent = (share: number | null) => (share === null ? '–' : `${Math.round(share * 100)} %`);
  return table(
    [
      { title: 'MOUNT' },
      { title: 'USED', align: 'right' },
      { title: 'FREE', align: 'right' },
      { title: 'OF', align: 'right' },
      { title: 'INODES', align: 'right' },
      { title: 'DEVICE', flexible: true },
    ],
    disks.map((disk) => [
      disk.mount,
      percent(disk.used_fraction),
      bytesText(disk.available_bytes),
      bytesText(disk.total_bytes),
      percent(disk.inodes_used_fraction),
      `${disk.device} (${disk.filesystem})`,
    ]),
    options,
    'No disks.',
  );
}
