/**
 * Verifies a chain of audit entries, and names what is wrong by number and id. Pure, and with bounded memory: it takes links
 * one after another, wherever they come from, so that the control plane (its store) and the command line (an export, a
 * mirror) judge by the same code.
 *
 * What a hash alone cannot tell, that the end was cut off or that all was hashed again, anchors tell: places of the chain
 * that were noted elsewhere.
 */
import * as z from 'zod';
import { type AuditAnchor, type ChainHead, chainText, PruneMark } from './audit.ts';
import { sha256Hex } from './canonical.ts';

export const AuditProblem = z
  .object({
    kind: z.enum(['edited', 'deleted', 'inserted', 'reordered', 'cut_off', 'rewritten', 'unchained', 'keeper_ledger']),
    seq: z.number().nullable().describe('Number in the chain.'),
    id: z.string().nullable().describe('Id of the entry; null where it is gone.'),
    message: z.string(),
  })
  .meta({ id: 'AuditProblem' });
export type AuditProblem = z.infer<typeof AuditProblem>;

/** An entry as it was found. */
export type ChainLink = {
  /** Null when it was never chained. */
  seq: number | null;
  id: string | null;
  prev: string | null;
  hash: string | null;
  body: string;
  /** What the reader found wrong with it beside its hash. */
  flaw?: string | null;
};

export type VerifyChainOptions = {
  /** What the first entry follows. */
  genesis: string;
  /** Go on after this place, which was verified before. */
  after?: ChainHead | null;
  anchors: readonly AuditAnchor[];
  /** The mark of the newest pruning, looked for where entries are missing. */
  pruned?: () => Promise<PruneMark | null>;
  now_ms: number;
  /** Says when to stop before the end. */
  isOver?: () => boolean;
  /** SHA-256 in lower-case hexadecimal; one that does not wait is faster. */
  digest?: (text: string) => string | Promise<string>;
};

export type ChainReport = {
  ok: boolean;
  /** False when it stopped before the end. */
  complete: boolean;
  /** Entries that were looked at. */
  entries: number;
  first_seq: number | null;
  /** The last place that was looked at. */
  head: ChainHead | null;
  /** Entries that wait to be chained. */
  pending: number;
  anchors_checked: number;
  problems: AuditProblem[];
  /** There were more problems than are told. */
  more_problems: boolean;
};

export const problems_max = 100;
/** An entry that is not chained after so long was not put there by Mainstay, or the chainer stands still. */
export const unchained_after_ms = 60_000;
/** So far from its place an entry is looked for whose hash does not fit. */
const moved_max = 32;
const gaps_max = 100;

type Last = { seq: number; hash: string; prev: string | null; id: string | null; isBad: boolean; shift: number };
type Gap = { from: number; to: number; missing: number; mark: PruneMark | null };

/** Walks the links in the order in which they stand. */
export async function verifyChain(
  links: AsyncIterable<ChainLink> | Iterable<ChainLink>,
  options: VerifyChainOptions,
): Promise<ChainReport> {
  const digest = options.digest ?? sha256Hex;
  const anchors = Map.groupBy(options.anchors, ({ seq }) => seq);
  const problems: AuditProblem[] = [];
  const gaps: Gap[] = [];
  let marked: PruneMark | null = null;
  let last: Last = {
    ...(options.after ?? { seq: 0, hash: options.genesis }),
    prev: null,
    id: null,
    isBad: false,
    shift: 0,
  };
  const report: ChainReport = {
    ok: true,
    complete: true,
    entries: 0,
    first_seq: null,
    head: options.after ?? null,
    pending: 0,
    anchors_checked: 0,
    problems,
    more_problems: false,
  };
  const tell = (kind: AuditProblem['kind'], seq: number | null, id: string | null, message: string) => {
    report.ok = false;
    if (problems.length < problems_max) problems.push({ kind, seq, id, message });
    else report.more_problems = true;
  };
  const compare = (seq: number, hash: string, id: string | null) => {
    for (const anchor of anchors.get(seq) ?? []) {
      report.anchors_checked += 1;
      if (anchor.hash === hash) continue;
      const when = new Date(anchor.at).toISOString();
      tell('rewritten', seq, id, `Number ${seq} is not the entry that the ${anchor.source} noted at ${when}.`);
    }
  };

  for await (const link of links) {
    if (options.isOver?.()) {
      report.complete = false;
      break;
    }
    report.entries += 1;
    const found = parsed(link.body);
    const { seq, id } = link;
    if (seq === null && link.flaw) {
      tell('edited', null, id, link.flaw);
      continue;
    }
    if (seq === null) {
      report.pending += 1;
      const at = typeof found?.['at'] === 'number' ? found['at'] : 0;
      if (options.now_ms - at > unchained_after_ms) tell('unchained', null, id, `Entry ${id} was never chained.`);
      continue;
    }
    if (!Number.isSafeInteger(seq) || seq < 1) {
      tell('inserted', seq, id, `Entry ${id} has the number ${seq}, which no entry can have.`);
      continue;
    }
    if (seq === last.seq) {
      tell('inserted', seq, id, `There are two entries with number ${seq}; the second is ${id}.`);
      continue;
    }
    if (seq < last.seq) {
      const gap = gaps.find(({ from, to }) => from <= seq && seq <= to);
      if (gap) gap.missing -= 1;
      tell('reordered', seq, id, `Entry ${id} with number ${seq} stands after number ${last.seq}.`);
      continue;
    }

    const { prev, hash } = link;
    let isBad = false;
    let shift = 0;
    if (prev === null || hash === null || (await digest(chainText(seq, prev, link.body))) !== hash) {
      isBad = true;
      shift = prev === null || hash === null ? 0 : await shiftOf(link.body, seq, prev, hash, digest);
      if (shift === 0) tell('edited', seq, id, `Entry ${id}, number ${seq}, was edited: its hash does not fit it.`);
      else if (shift !== last.shift && !(shift > 0 && prev === last.prev))
        tell('reordered', seq, id, `Entry ${id} was chained as number ${seq - shift}, and stands at ${seq}.`);
    } else if (found === null || found['id'] !== id) {
      isBad = true;
      tell('edited', seq, id, `Entry ${id}, number ${seq}, holds another id than its own.`);
    }
    if (link.flaw && !isBad) tell('edited', seq, id, `Entry ${id}, number ${seq}, was edited: ${link.flaw}.`);

    if (seq > last.seq + 1) {
      const mark = prev === null ? null : { through_seq: seq - 1, through_hash: prev };
      const gap = { from: last.seq + 1, to: seq - 1, missing: seq - 1 - last.seq, mark };
      if (gaps.length < gaps_max) gaps.push(gap);
      else tell('deleted', gap.from, null, missingText(gap));
      if (prev !== null && !isBad) compare(seq - 1, prev, null);
    } else if (prev !== last.hash && !last.isBad) {
      if (last.seq === 0) {
        if (!isBad) tell('edited', seq, id, `Entry ${id}, number 1, does not follow this installation's beginning.`);
      } else if (prev !== null && prev === last.prev)
        tell('inserted', last.seq, last.id, `Entry ${last.id} was put in as number ${last.seq}.`);
      else if (!isBad)
        tell(
          'edited',
          last.seq,
          last.id,
          `${last.id === null ? 'What is' : `Entry ${last.id},`} number ${last.seq} is not what ${id} follows.`,
        );
    }
    if (hash !== null) compare(seq, hash, id);
    if (found?.['kind'] === 'audit.pruned') marked = markOf(found) ?? marked;
    report.first_seq ??= seq;
    report.head = hash === null ? report.head : { seq, hash };
    last = { seq, hash: hash ?? '', prev, id, isBad, shift };
  }

  for (const gap of gaps) {
    if (gap.missing <= 0) continue;
    if (isMarked(gap, marked) || isMarked(gap, (await options.pruned?.()) ?? null)) continue;
    tell('deleted', gap.from, null, missingText(gap));
  }
  const newest = options.anchors.reduce((most, { seq }) => Math.max(most, seq), 0);
  if (report.complete && newest > last.seq) {
    const { source } = anchors.get(newest)![0]!;
    const end = last.seq === 0 ? 'There is no entry' : `The chain ends at number ${last.seq}`;
    tell('cut_off', last.seq + 1, null, `${end}, and the ${source} noted number ${newest}: the end was cut off.`);
  }
  problems.sort((a, b) => (a.seq ?? Number.MAX_VALUE) - (b.seq ?? Number.MAX_VALUE));
  return report;
}

function missingText({ from, to }: Gap): string {
  return from === to ? `Entry number ${from} was deleted.` : `Entries ${from} to ${to} were deleted.`;
}

/** Whether Mainstay itself removed these, and said so. */
function isMarked({ to, mark }: Gap, pruned: PruneMark | null): boolean {
  if (mark === null || pruned === null) return false;
  return pruned.through_seq === to && pruned.through_hash === mark.through_hash;
}

/** How far an entry was moved from the number that it was chained with; 0 when it fits none nearby. */
async function shiftOf(
  body: string,
  seq: number,
  prev: string,
  hash: string,
  digest: (text: string) => string | Promise<string>,
): Promise<number> {
  for (let distance = 1; distance <= moved_max; distance += 1) {
    for (const shift of [distance, -distance]) {
      if (seq - shift >= 1 && (await digest(chainText(seq - shift, prev, body))) === hash) return shift;
    }
  }
  return 0;
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

export function markOf(entry: Record<string, unknown>): PruneMark | null {
  return PruneMark.safeParse(entry['data']).data ?? null;
}
