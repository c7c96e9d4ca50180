/**
 * The audit trail as one text to keep: GET /api/v1/audit/export?format=jsonl|csv. A route of its own and no operation, because
 * what it answers is no JSON and is never whole in memory. JSON lines without a filter can be verified without the control
 * plane: a header, every chained entry with its hash, and an end.
 */
import { type AuditEntry, type ExportHeader, exportLine } from '@mainstay/contract/audit';
import { canonicalJson } from '@mainstay/contract/canonical';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { AuditExport } from '@mainstay/contract/operations/audit';
import type { Context as HonoContext } from 'hono';
import { authorize } from '../access/authorize.ts';
import type { Context } from '../context.ts';
import { authenticate } from '../gateway/authenticate.ts';
import { queryInput } from '../gateway/request-input.ts';
import { checkPage } from '../operations/page-input.ts';
import { type AuditFilter, chainHead, chainOf, filtered } from './audit-store.ts';
import type { AuditParts } from './start-audit.ts';

const rows_per_page = 500;

export function auditDownload(context: Context, parts: Pick<AuditParts, 'anchors' | 'chained'>) {
  return async ({ req }: HonoContext): Promise<Response> => {
    const known = await authenticate(context, req.raw);
    if (!known) throw new AppError('Unauthenticated', 'Nobody is signed in.', { hint: 'Sign in, or send a token.' });
    if (!authorize(known.actor, 'audit:read', null)) {
      throw new AppError('Forbidden', `${known.actor.name} may not read the audit trail.`);
    }
    const query = queryInput(AuditExport, new URL(req.url).searchParams);
    const parsed = AuditExport.safeParse(query);
    if (!parsed.success) throw invalidInput(parsed.error);
    const { format, ...filter } = parsed.data;
    checkPage(filter);
    await parts.chained();
    const name = `audit-${new Date(context.clock.now()).toISOString().replaceAll(/[:.]/g, '-')}.${format}`;
    const text = format === 'csv' ? csvLines(context, filter) : jsonLines(context, filter, parts.anchors);
    return new Response(streamOf(text, req.raw.signal), {
      headers: {
        'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
        'content-disposition': `attachment; filename="${name}"`,
      },
    });
  };
}

/** A text as a stream, read as it is taken. */
function streamOf(lines: AsyncGenerator<string>, signal: AbortSignal): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await lines.next();
      if (done || signal.aborted) return controller.close();
      controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}

async function* jsonLines(
  { store }: Context,
  filter: AuditFilter,
  anchors: AuditParts['anchors'],
): AsyncGenerator<string> {
  const whole = Object.values(filter).every((value) => value === undefined);
  const head = await chainHead(store);
  const header: ExportHeader = {
    mainstay_audit: 1,
    ...(await chainOf(store)),
    whole,
    anchors: (await anchors()).anchors.filter(({ seq }) => seq <= (head?.seq ?? 0)),
  };
  yield `${canonicalJson(header)}\n`;
  let last: { seq: number; hash: string | null } | null = null;
  for await (const rows of pagesOf({ store }, filter, head?.seq ?? 0)) {
    yield rows.map(({ seq, prev, hash, body }) => `${exportLine(seq!, prev ?? '', hash ?? '', body)}\n`).join('');
    last = { seq: rows.at(-1)!.seq!, hash: rows.at(-1)!.hash };
  }
  yield `${canonicalJson({ end: last ?? { seq: null, hash: null } })}\n`;
}

const csv_columns =
  'seq,id,at,kind,outcome,actor,actor_kind,proof,operation,operation_id,run_id,target,plan_hash,data,hash';

async function* csvLines({ store }: Context, filter: AuditFilter): AsyncGenerator<string> {
  yield `${csv_columns}\r\n`;
  const head = await chainHead(store);
  for await (const rows of pagesOf({ store }, filter, head?.seq ?? 0)) {
    yield rows.map((row) => `${csvRow(row).map(csvCell).join(',')}\r\n`).join('');
  }
}

function csvRow({ seq, hash, body }: { seq: number | null; hash: string | null; body: string }): unknown[] {
  let entry: Partial<AuditEntry> = {};
  try {
    entry = JSON.parse(body);
  } catch {
    // A damaged entry is shown as far as it is whole; the verification names it.
  }
  const { id, at, kind, outcome, actor, operation, operation_id, run_id, target, plan_hash, data } = entry;
  const when = typeof at === 'number' && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : null;
  const who = [actor?.name, actor?.kind, actor?.proof];
  const what = [operation, operation_id, run_id, target, plan_hash];
  return [seq, id, when, kind, outcome, ...who, ...what, data && canonicalJson(data), hash];
}

/**
 * A cell of RFC 4180. One that begins as a formula does gets an apostrophe before it, so that no spreadsheet carries out what
 * somebody wrote into a name (OWASP, CSV Injection).
 */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  const safe = /^[=+\-@\t\r\n]/.test(text) && typeof value !== 'number' ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Chained entries that fit, up to a number, in the order of the chain. */
async function* pagesOf({ store }: Pick<Context, 'store'>, filter: AuditFilter, through: number) {
  let after = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const rows = await filtered(store.db.selectFrom('audit_entries').select(['seq', 'prev', 'hash', 'body']), filter)
      .where('seq', '>', after)
      .where('seq', '<=', through)
      .orderBy('seq')
      .limit(rows_per_page)
      .execute();
    if (rows.length > 0) yield rows;
    if (rows.length < rows_per_page) return;
    after = rows.at(-1)!.seq!;
  }
}
