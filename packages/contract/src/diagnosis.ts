/**
 * What a server answers that is asked how it is now: units, ports, disks, memory, clock, the checks of `mainstay-agent doctor`, and the last
 * lines of its agent and of one unit. Bounded in number and size on the server; it reads, and changes nothing (ADR 0031).
 */
import * as z from 'zod';
import { ErrorCodeSchema } from './errors.ts';
import { idSchema } from './ids.ts';
import { DnsName } from './stack.ts';

export const diagnosisLimits = {
  /** Of one answer, as JSON. */
  answer_bytes_max: 256 * 1024,
  /** An agent answers within this time with what it has by then, milliseconds. */
  look_ms_max: 8_000,
  /** Who asks waits so long, milliseconds. */
  wait_ms_max: 10_000,
  units_max: 200,
  ports_max: 200,
  failed_units_max: 50,
  disks_max: 32,
  line_characters_max: 2_000,
} as const;

export const UnitState = z.enum(['active', 'activating', 'reloading', 'deactivating', 'inactive', 'failed', 'unknown']);
export type UnitState = z.infer<typeof UnitState>;

export const DiagnosedUnit = z
  .object({
    name: z.string().max(128).describe('`agent`, `proxy`, `tunnel` or `service/<name>`: what `unit` takes.'),
    unit: z.string().max(255).nullable().describe('The unit of systemd that it is; null where it is processes only.'),
    service: DnsName.nullable(),
    state: UnitState,
    sub_state: z.string().max(64).nullable().describe('The finer state, as its supervisor calls it.'),
    pid: z.int().nullable(),
    since: z.int().nullable().describe('When it came into this state.'),
    restarts: z.int().nullable().describe('Starts that nobody asked for; null where they are not counted.'),
    memory_bytes: z.int().nullable(),
    last_exit: z
      .object({
        code: z.int().nullable(),
        signal: z.string().max(32).nullable(),
        reason: z.string().max(64).nullable(),
        at: z.int(),
      })
      .nullable()
      .describe('Of the last end that nobody asked for, as far as the server remembers.'),
  })
  .meta({ id: 'DiagnosedUnit' });
export type DiagnosedUnit = z.infer<typeof DiagnosedUnit>;

export const ListeningPort = z
  .object({
    protocol: z.enum(['tcp', 'udp']),
    address: z.string().max(64),
    port: z.int(),
    pid: z.int().nullable().describe('Null where the agent may not see whose it is.'),
    process: z.string().max(64).nullable(),
    unit: z.string().max(255).nullable().describe('One of `units` by its name, else the unit of systemd that has it.'),
    own: z.boolean().describe('It belongs to Mainstay or to a service of it.'),
  })
  .meta({ id: 'ListeningPort' });
export type ListeningPort = z.infer<typeof ListeningPort>;

export const DiagnosedLog = z
  .object({
    name: z.string().max(128),
    source: z.string().max(500).describe('Where the lines come from, such as the journal of the server.'),
    lines: z
      .array(z.object({ at: z.int().nullable(), text: z.string().max(diagnosisLimits.line_characters_max + 1) }))
      .max(500)
      .describe('Oldest first. Values of secrets are masked.'),
    cut: z.boolean().describe('Older lines that were asked for are left out, as the answer is bounded.'),
  })
  .meta({ id: 'DiagnosedLog' });
export type DiagnosedLog = z.infer<typeof DiagnosedLog>;

export const ServerDiagnosis = z
  .object({
    at: z.int().describe("When it was looked, by the server's clock."),
    took_ms: z.int(),
    agent_version: z.string().max(64),
    supervisor: z.string().max(32),
    proxy: z.string().max(32),
    units: z.array(DiagnosedUnit).max(diagnosisLimits.units_max),
    failed_units: z
      .array(z.object({ unit: z.string().max(255), description: z.string().max(255) }))
      .max(diagnosisLimits.failed_units_max)
      .nullable()
      .describe('Units of the whole server that failed, Mainstay or not; null where systemd does not run it.'),
    ports: z.array(ListeningPort).max(diagnosisLimits.ports_max),
    memory: z
      .object({
        total_bytes: z.int(),
        available_bytes: z.int(),
        swap_total_bytes: z.int(),
        swap_free_bytes: z.int(),
      })
      .nullable(),
    disks: z
      .array(
        z.object({
          mount: z.string().max(500),
          device: z.string().max(255),
          filesystem: z.string().max(32),
          total_bytes: z.int(),
          available_bytes: z.int().describe('To programs that are not root.'),
          used_fraction: z.number(),
          inodes_used_fraction: z.number().nullable().describe('Null where the file system has no fixed number.'),
        }),
      )
      .max(diagnosisLimits.disks_max),
    clock: z.object({
      offset_ms: z.int().nullable().describe("By how much it is ahead of the control plane's."),
      synchronized: z.boolean().nullable().describe('By NTP, as the server says; null where it does not.'),
    }),
    checks: z
      .array(
        z.object({
          name: z.string().max(64),
          ok: z.boolean(),
          message: z.string().max(1_000),
          fix: z.string().max(1_000).nullable(),
        }),
      )
      .max(30)
      .describe('What `mainstay-agent doctor` looks at.'),
    logs: z.array(DiagnosedLog).max(2).describe('Of the agent, and of the unit that was asked for.'),
    notes: z.array(z.string().max(500)).max(20).describe('What could not be looked at, or is left out, and why.'),
  })
  .meta({ id: 'ServerDiagnosis' });
export type ServerDiagnosis = z.infer<typeof ServerDiagnosis>;

/** The answer to one inquiry, or why there is none. */
export const InquiryAnswer = z.strictObject({
  id: idSchema('inquiry'),
  outcome: z.discriminatedUnion('ok', [
    z.object({ ok: z.literal(true), diagnosis: ServerDiagnosis }),
    z.object({
      ok: z.literal(false),
      code: ErrorCodeSchema,
      message: z.string().max(1_000),
      hint: z.string().max(2_000).nullable(),
      field: z.string().max(64).nullable(),
    }),
  ]),
});
export type InquiryAnswer = z.infer<typeof InquiryAnswer>;
