/** The variables of a service as rows that a person edits, and what is wrong with them. */
import { envNameMessage, envNamePattern, reservedEnv, reservedEnvMessage } from '@mainstay/contract/env-names';
import type { StackSpec } from '@mainstay/contract/stack';
import { environment as texts } from '../../../texts/stack/environment.ts';
import type { EnvEntry } from './env-block.ts';

export type EnvRow = { id: number; name: string; value: string };
/** What was edited of one service. */
export type EnvDraft = { rows: EnvRow[]; secrets: string[] };
/** By service; those that were not touched are not there. */
export type EnvDrafts = Record<string, EnvDraft>;

type Service = StackSpec['services'][string];

export function draftOf({ env, secrets }: Service): EnvDraft {
  return { rows: Object.entries(env).map(([name, value], id) => ({ id, name, value })), secrets };
}

export function nextId(rows: readonly EnvRow[]): number {
  return rows.reduce((max, { id }) => Math.max(max, id), -1) + 1;
}

/** Rows without a name and a value count for nothing. */
export function envOf(rows: readonly EnvRow[]): Record<string, string> {
  return Object.fromEntries(rows.filter(isFilled).map(({ name, value }) => [name.trim(), value]));
}

function isFilled({ name, value }: EnvRow): boolean {
  return name.trim() !== '' || value !== '';
}

export function isEdited(draft: EnvDraft, service: Service): boolean {
  const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  const sorted = (env: Record<string, string>) => Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return (
    draft.rows.filter(isFilled).length !== Object.keys(service.env).length ||
    !same(sorted(envOf(draft.rows)), sorted(service.env)) ||
    !same(draft.secrets.toSorted(), service.secrets.toSorted())
  );
}

/** What is wrong with each row, by its id: said at once, in the words that the control plane has for it. */
export function problemsOf({ rows, secrets }: EnvDraft): Map<number, string> {
  const problems = new Map<number, string>();
  const seen = new Set<string>();
  for (const row of rows.filter(isFilled)) {
    const name = row.name.trim();
    const problem = problemOfName(name) ?? (seen.has(name) ? texts.problems.twice(name) : null);
    if (problem) problems.set(row.id, problem);
    else if (secrets.includes(name)) problems.set(row.id, texts.problems.secret(name));
    seen.add(name);
  }
  return problems;
}

export function problemOfName(name: string): string | null {
  if (name === '') return texts.problems.empty;
  if (!envNamePattern.test(name)) return texts.problems.name(envNameMessage);
  return reservedEnv.test(name) ? texts.problems.reserved(name, reservedEnvMessage) : null;
}

/** The rows with the entries put in: values of names that are there are replaced. */
export function withEntries(rows: readonly EnvRow[], entries: readonly EnvEntry[]): EnvRow[] {
  const next = rows.filter(isFilled).map((row) => ({ ...row }));
  for (const { name, value } of entries) {
    const existing = next.find((row) => row.name.trim() === name);
    if (existing) existing.value = value;
    else next.push({ id: nextId(next), name, value });
  }
  return next;
}

/** The specification with the edits of every service; services that are gone by now are left out. */
export function specWith(spec: StackSpec, drafts: EnvDrafts): StackSpec {
  const services = Object.entries(spec.services).map(([name, service]) => {
    const draft = drafts[name];
    return [name, draft ? { ...service, env: envOf(draft.rows), secrets: draft.secrets } : service];
  });
  return { ...spec, services: Object.fromEntries(services) };
}
