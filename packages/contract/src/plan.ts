/**
 * The plan as it is signed for: its body, its hash, and the digest that ties it to a document. A file of its own, because three
 * sides compute these and must come to the same: who plans, the keeper that signs, and the agent that acts.
 */
import * as z from 'zod';
import { canonicalJson, digestOf } from './canonical.ts';
import type { DesiredState } from './desired-state.ts';
import { PlanChange } from './operation.ts';

/** What a plan's hash is over. Two plans with one hash do the same to the same state. */
export const PlanBody = z.strictObject({
  operation: z.string(),
  target: z.string().describe('Name of the noun that changes, such as `stack/shop`.'),
  /** What the plan was made against: the version of a stack, the revision of a row; 0 where there was nothing. */
  base: z.int(),
  changes: z.array(PlanChange),
  /** SHA-256 of the desired state without its stack id and version, where the plan makes one. */
  content_sha256: z.string().nullable(),
  /** The same of what is in force before, where the operation may be taken back to it, once, when its servers fail. */
  undo_sha256: z.string().optional(),
  /** SHA-256 of what the state of each server says, by the server's id, where the plan makes those of many. */
  contents: z.record(z.string().max(64), z.string().max(64)).optional(),
});
export type PlanBody = z.infer<typeof PlanBody>;

export async function planHash(body: PlanBody): Promise<string> {
  return digestOf(body);
}

/** SHA-256 of what a desired state says, apart from which stack and version it is. */
export async function contentDigest(document: DesiredState): Promise<string> {
  const { stack_id: _, version: __, ...content } = document;
  return digestOf(content);
}

/**
 * The canonical text of a document and of its content, whose SHA-256 are what `desiredStateDigest` and `contentDigest` give, at the
 * cost of one: its fields are brought into canonical form once.
 */
export function canonicalTexts(document: DesiredState): { document: string; content: string } {
  const fields = Object.entries(document)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, text: `${canonicalJson(name)}:${canonicalJson(value)}` }));
  const content = fields.filter(({ name }) => name !== 'stack_id' && name !== 'version');
  const textOf = (some: typeof fields) => `{${some.map(({ text }) => text).join(',')}}`;
  return { document: textOf(fields), content: textOf(content) };
}
