/** Reads what was exported, or mirrored, back into links of a chain: JSON lines, one entry each, between a header and an end. */

import { ExportEnd, ExportHeader } from './audit.ts';
import type { ChainLink } from './audit-verify.ts';
import { canonicalJson } from './canonical.ts';

export type ExportReader = {
  /** Of the first line; null until it was read, and where there is none. */
  header(): ExportHeader | null;
  /** The last line that an export ends with; null while it was not read. */
  end(): { seq: number | null; hash: string | null } | null;
  /** The link of a line; null for lines that are no entries. */
  link(line: string): ChainLink | null;
};

export function createExportReader(): ExportReader {
  let header: ExportHeader | null = null;
  let end: { seq: number | null; hash: string | null } | null = null;
  let lines = 0;
  return {
    header: () => header,
    end: () => end,
    link(line) {
      lines += 1;
      if (line.trim() === '') return null;
      const value = parsed(line);
      if (value === null) return { ...nothing, body: line, flaw: `Line ${lines} cannot be read.` };
      if ('mainstay_audit' in value) {
        header ??= ExportHeader.safeParse(value).data ?? null;
        return null;
      }
      const last = ExportEnd.safeParse(value);
      if (last.success) {
        end = last.data.end;
        return null;
      }
      const { body, body_text, seq, prev, hash } = value;
      const isEntry = typeof body === 'object' && body !== null;
      const text = typeof body_text === 'string' ? body_text : isEntry ? canonicalJson(body) : '';
      const id = isEntry ? (body as Record<string, unknown>)['id'] : null;
      return {
        seq: typeof seq === 'number' ? seq : null,
        id: typeof id === 'string' ? id.slice(0, 64) : null,
        prev: typeof prev === 'string' ? prev : null,
        hash: typeof hash === 'string' ? hash : null,
        body: text,
      };
    },
  };
}

const nothing = { seq: null, id: null, prev: null, hash: null };

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
