/** Claiming: ready steps by priority, with what their functions need to know, in as few reads as there are kinds of it. */
import type { Actor } from '@mainstay/contract/operation';
import type { Store } from '../store/store.ts';
import { type Claim, parsed, type RunFacts } from './attempt.ts';
import { dependentsOf } from './dag.ts';
import { claimSql, raw } from './run-sql.ts';
import type { Workflow } from './workflow.ts';

export type Claimed = { claim: Claim; facts: RunFacts; outputs: Record<string, unknown> };

export type Claimer = { claim(most: number, now: number): Promise<Claimed[]> };

const runs_kept_max = 1_000;

export function createClaimer(store: Store, owner: string, workflows: ReadonlyMap<string, Workflow>): Claimer {
  const facts = new Map<string, RunFacts>();
  const dependents = new Map([...workflows].map(([key, { steps }]) => [key, dependentsOf(steps)]));
  const definitions = JSON.stringify([...workflows.keys()]);
  return {
    async claim(most, now) {
      const { rows } = await store.db.executeQuery<Claim>(
        raw(claimSql, [owner, now, now, definitions, most]).compile(),
      );
      if (rows.length === 0) return [];
      const missing = [...new Set(rows.map(({ run_id }) => run_id))].filter((id) => !facts.has(id));
      if (missing.length > 0) await learn(missing);
      const outputs = await outputsFor(store, rows, workflows);
      const claimed = rows.map((claim, place) => ({
        claim,
        facts: facts.get(claim.run_id)!,
        outputs: outputs[place]!,
      }));
      for (const id of facts.keys()) {
        if (facts.size <= runs_kept_max) break;
        facts.delete(id);
      }
      return claimed;
    },
  };

  async function learn(ids: readonly string[]): Promise<void> {
    type Row = Pick<RunFacts, 'operation_id'> &
      Record<'id' | 'definition' | 'input' | 'labels', string> & { actor: string | null };
    const { rows } = await store.db.executeQuery<Row>(
      raw(
        `select id, definition, input, operation_id, actor, labels from runs where id in (select value from json_each(?))`,
        [JSON.stringify(ids)],
      ).compile(),
    );
    for (const row of rows) {
      facts.set(row.id, {
        workflow: workflows.get(row.definition)!,
        dependents: dependents.get(row.definition)!,
        input: JSON.parse(row.input),
        operation_id: row.operation_id,
        actor: parsed(row.actor) as Actor | null,
        labels: JSON.parse(row.labels) as Record<string, string>,
      });
    }
  }
}

const nothing: Record<string, unknown> = Object.freeze({});

/** What the steps gave that each of these needs; of a fan-out the list of what its items gave. */
async function outputsFor(
  store: Store,
  claims: readonly Claim[],
  workflows: ReadonlyMap<string, Workflow>,
): Promise<Record<string, unknown>[]> {
  const single: [place: number, run_id: string, key: string][] = [];
  const lists: [place: number, run_id: string, key: string][] = [];
  claims.forEach(({ run_id, definition, needs, items }, place) => {
    if (needs === '[]' || items !== null) return;
    const { steps } = workflows.get(definition)!;
    for (const key of JSON.parse(needs) as string[]) (steps[key]?.each ? lists : single).push([place, run_id, key]);
  });
  if (single.length === 0 && lists.length === 0) return claims.map(() => nothing);
  const outputs: Record<string, unknown>[] = claims.map(() => ({}));
  for (const [place, , key] of lists) outputs[place]![key] = [];
  type Row = { place: number; key: string; output: string | null };
  const read = async (rows: typeof single, on: string) => {
    if (rows.length === 0) return [];
    const sql = `select j.value ->> 0 as place, j.value ->> 2 as key, s.output as output from json_each(?) j join run_steps s on ${on}`;
    return (await store.db.executeQuery<Row>(raw(sql, [JSON.stringify(rows)]).compile())).rows;
  };
  const same = 's.run_id = j.value ->> 1 and';
  for (const { place, key, output } of await read(single, `${same} s.key = j.value ->> 2`))
    outputs[place]![key] = parsed(output);
  const ofItems = `${same} s.parent = j.value ->> 2 order by j.key, s.id`;
  for (const { place, key, output } of await read(lists, ofItems))
    (outputs[place]![key] as unknown[]).push(parsed(output));
  return outputs;
}
