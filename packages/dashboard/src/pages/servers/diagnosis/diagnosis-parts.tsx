/** The parts of a diagnosis: what is so, checks, units, ports and disks. All names and messages come from the server, and are shown as text. */
import type { DiagnosedUnit, ListeningPort, ServerDiagnosis } from '@mainstay/contract/diagnosis';
import type { ReactNode } from 'react';
import { diagnosis as texts } from '../../../texts/diagnosis.ts';
import { servers } from '../../../texts/servers.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { Meter } from '../../../ui/meter.tsx';
import { Section } from '../../../ui/page.tsx';
import { Scroller } from '../../../ui/scroller.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { Time } from '../../../ui/time.tsx';
import { bytes, percent, type Tone } from '../../../ui/words.ts';
import table from '../servers.module.css';
import css from './diagnosis.module.css';

/** What an agent of another version may name otherwise is shown as it stands. */
function named(words: Record<string, string>, value: string): string {
  return Object.hasOwn(words, value) ? (words[value] ?? value) : value;
}

export function Facts({ diagnosis }: { diagnosis: ServerDiagnosis }) {
  const words = texts.facts;
  const { memory, clock } = diagnosis;
  const ntp = clock.synchronized === null ? words.unknown : clock.synchronized ? words.yes : words.no;
  const facts: [string, string][] = [
    [words.agent, diagnosis.agent_version],
    [words.supervisor, named(servers.supervisor, diagnosis.supervisor)],
    [words.proxy, named(servers.proxy, diagnosis.proxy)],
    ...(memory
      ? [[words.memory, texts.of(bytes(memory.available_bytes), bytes(memory.total_bytes))] satisfies [string, string]]
      : []),
    ...(memory && memory.swap_total_bytes > 0
      ? [
          [words.swap, texts.of(bytes(memory.swap_free_bytes), bytes(memory.swap_total_bytes))] satisfies [
            string,
            string,
          ],
        ]
      : []),
    [words.clock, clock.offset_ms === null ? words.unknown : texts.clock(clock.offset_ms)],
    [words.ntp, ntp],
  ];
  return (
    <Section title={texts.title}>
      <dl className={css.facts}>
        {facts.map(([word, value]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>
              <Foreign text={value} />
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

export function Checks({ checks }: { checks: ServerDiagnosis['checks'] }) {
  const words = texts.checks;
  const wrong = checks.filter(({ ok }) => !ok);
  const sorted = [...wrong, ...checks.filter(({ ok }) => ok)];
  return (
    <Section
      title={words.title}
      aside={
        checks.length > 0 && (
          <StatusMark
            tone={wrong.length === 0 ? 'good' : 'bad'}
            word={wrong.length === 0 ? words.all(checks.length) : words.some(wrong.length, checks.length)}
          />
        )
      }
    >
      {checks.length === 0 ? (
        words.none
      ) : (
        <ul className={css.checks}>
          {sorted.map(({ name, ok, message, fix }) => (
            <li key={name}>
              <StatusMark tone={ok ? 'good' : 'bad'} word={ok ? words.ok : words.wrong} form="icon" />
              <span className={css.checkName}>
                <Foreign text={name} />
              </span>
              <span className={css.checkText}>
                <Foreign text={message} />
                {fix !== null && (
                  <span className={css.fix}>
                    <Foreign text={fix} />
                  </span>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

const tones: Record<DiagnosedUnit['state'], Tone> = {
  active: 'good',
  activating: 'busy',
  reloading: 'busy',
  deactivating: 'busy',
  inactive: 'idle',
  failed: 'bad',
  unknown: 'warning',
};

/** A unit may run and still not be well. */
const toneOf = ({ state, sub_state }: DiagnosedUnit): Tone =>
  sub_state === 'unhealthy' || sub_state === 'down' || sub_state === 'not connected' ? 'warning' : tones[state];

export function Units({ units, server }: { units: readonly DiagnosedUnit[]; server: string }) {
  const words = texts.units;
  const columns = ['name', 'state', 'since', 'restarts', 'memory', 'last_exit', 'unit'] as const;
  return (
    <Table title={words.title} server={server} columns={columns.map((column) => words[column])} none={words.none}>
      {units.map((unit) => (
        <tr key={unit.name} className={table.row}>
          <th scope="row">
            <Foreign text={unit.name} />
          </th>
          <td>
            <StatusMark
              tone={toneOf(unit)}
              word={(unit.sub_state === null || unit.sub_state === unit.state
                ? unit.state
                : `${unit.state} (${unit.sub_state})`
              ).replaceAll('_', ' ')}
            />
          </td>
          <td>{unit.since === null ? '–' : <Time at={unit.since} />}</td>
          <td>{unit.restarts ?? '–'}</td>
          <td>{unit.memory_bytes === null ? '–' : bytes(unit.memory_bytes)}</td>
          <td>{unit.last_exit === null ? '–' : <LastExit exit={unit.last_exit} />}</td>
          <td className={css.mono}>
            <Foreign text={unit.unit ?? (unit.pid === null ? '–' : words.process(unit.pid))} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function LastExit({ exit }: { exit: NonNullable<DiagnosedUnit['last_exit']> }) {
  const how = exit.signal ?? (exit.code === null ? texts.units.unknownEnd : texts.units.code(exit.code));
  return (
    <>
      <Foreign text={exit.reason === null ? how : `${how}, ${exit.reason.replaceAll('_', ' ')}`} />
      {' · '}
      <Time at={exit.at} />
    </>
  );
}

export function FailedUnits({ units }: { units: NonNullable<ServerDiagnosis['failed_units']> }) {
  const words = texts.failed_units;
  return (
    <Section title={words.title}>
      <ul className={css.checks}>
        {units.map(({ unit, description }) => (
          <li key={unit}>
            <StatusMark tone="bad" word={texts.checks.wrong} form="icon" />
            <span className={css.checkText}>
              <Foreign text={unit} className={css.mono} />
              <span className={css.fix}>
                <Foreign text={description} />
              </span>
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function Ports({ ports, server }: { ports: readonly ListeningPort[]; server: string }) {
  const words = texts.ports;
  const columns = ['port', 'address', 'process', 'unit'] as const;
  return (
    <Table title={words.title} server={server} columns={columns.map((column) => words[column])} none={words.none}>
      {ports.map((one) => (
        <tr key={`${one.protocol} ${one.address} ${one.port}`} className={table.row}>
          <th scope="row">
            {one.port}/{one.protocol}
          </th>
          <td>
            <Foreign text={one.address} className={css.mono} />
            <span className={table.second}>{reachOf(one.address)}</span>
          </td>
          <td>
            <Foreign text={one.process === null ? words.unknown : `${one.process} (${one.pid})`} />
          </td>
          <td>
            <Foreign text={one.unit ?? '–'} />
            <span className={table.second}>{one.own ? words.own : words.other}</span>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function reachOf(address: string): string {
  if (address === '0.0.0.0' || address === '::') return texts.ports.everywhere;
  return address.startsWith('127.') || address === '::1' ? texts.ports.here : '';
}

export function Disks({ disks, server }: { disks: ServerDiagnosis['disks']; server: string }) {
  const words = texts.disks;
  const columns = ['mount', 'used', 'free', 'inodes', 'device'] as const;
  return (
    <Table title={words.title} server={server} columns={columns.map((column) => words[column])} none={words.none}>
      {disks.map((disk) => (
        <tr key={disk.mount} className={table.row}>
          <th scope="row" className={css.mono}>
            <Foreign text={disk.mount} />
          </th>
          <td className={css.meter}>
            <Meter part={disk.used_fraction} label={words.used} />
          </td>
          <td>{texts.of(bytes(disk.available_bytes), bytes(disk.total_bytes))}</td>
          <td>{disk.inodes_used_fraction === null ? '–' : percent(disk.inodes_used_fraction)}</td>
          <td>
            <Foreign text={disk.device} className={css.mono} />
            <span className={table.second}>
              <Foreign text={disk.filesystem} />
            </span>
          </td>
        </tr>
      ))}
    </Table>
  );
}

type TableProps = { title: string; server: string; columns: readonly string[]; none: string; children: ReactNode[] };

function Table({ title, server, columns, none, children }: TableProps) {
  return (
    <Section title={title} flush={children.length > 0}>
      {children.length === 0 ? (
        none
      ) : (
        <Scroller className={table.scroller} aria-label={`${title}: ${server}`}>
          <table className={table.table}>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>{children}</tbody>
          </table>
        </Scroller>
      )}
    </Section>
  );
}
