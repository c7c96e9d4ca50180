/**
 * The person's key in this browser and what the keeper says of it; and what is signed with it: plans that are proposed, and words on
 * operations. Nothing is signed but the hash of the plan that the page shows, which is made again here, from its lines.
 */
import { AppError } from '@mainstay/contract/app-error';
import { digestOf } from '@mainstay/contract/canonical';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import type { Actor, OperationView, Plan } from '@mainstay/contract/operation';
import { useMutation, useQuery } from '@tanstack/react-query';
import { keys as texts } from '../texts/keys.ts';
import { call } from './client.ts';
import { canSign, findKeyId, registerKey, sign } from './person-key.ts';
import { invalidateAll, queryClient, readOptions, useRead } from './queries.ts';

/**
 * `impossible`: this browser gives no cryptography to this address. `none`: no key was made here. `unknown`: one was, but the keeper
 * does not know it. The others are the keeper's word.
 */
export type OwnKeyState = 'loading' | 'impossible' | 'none' | 'unknown' | PersonKeyView['state'];
export type OwnKey = { state: OwnKeyState; id: string | null; view: PersonKeyView | null };

export function useOwnKey(): OwnKey {
  const user_id = useRead('system.whoami', {}).data?.actor.id;
  const local = useQuery({
    queryKey: ['own-key', user_id],
    queryFn: () => findKeyId(user_id ?? ''),
    enabled: user_id !== undefined && canSign(),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { data } = useRead('keys.list', {});
  if (!canSign()) return { state: 'impossible', id: null, view: null };
  if (local.data === undefined || data === undefined) return { state: 'loading', id: null, view: null };
  const view = data.keys.find(({ id }) => id === local.data) ?? null;
  if (local.data === null) return { state: 'none', id: null, view };
  return { state: view?.state ?? 'unknown', id: local.data, view };
}

/** Makes and registers a key where there is none that could count. */
export function useMakeKey() {
  const { state } = useOwnKey();
  const user_id = useRead('system.whoami', {}).data?.actor.id ?? '';
  return useMutation<PersonKeyView, AppError, void>({
    mutationFn: () => registerKey(user_id, state === 'revoked'),
    onSettled: () => forgetKeys(user_id),
  });
}

async function forgetKeys(user_id: string): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: ['own-key', user_id] });
  await queryClient.invalidateQueries({ queryKey: ['keys.list'] });
}

export type Word = { verdict: 'approve' | 'reject' | 'confirm' | 'cancel'; reason?: string | undefined };

/**
 * Says a word on an operation. Where policy asks for a signature, a key is made in this browser when there is none; one that nobody
 * admitted yet does not count, and the error says so.
 */
export function useSpeak(operation: OperationView) {
  const { state, view } = useOwnKey();
  const me = useRead('system.whoami', {}).data?.actor;
  return useMutation<{ operation: OperationView }, AppError, Word>({
    mutationFn: async ({ verdict, reason }) => {
      const id = operation.id ?? '';
      const why = reason === undefined || reason === '' ? {} : { reason };
      if (verdict === 'cancel') return call('operations.cancel', { id, ...why });
      const user_id = me?.id ?? '';
      const plan_hash = operation.plan.hash;
      const isAsked = operation.requirement?.proof === 'signed' && verdict !== 'reject';
      if (isAsked && state !== 'admitted') await admittedKey(user_id, state === 'revoked');
      const isSigned = isAsked || provesAll(view, me);
      if (isSigned) await checkPlan(operation.operation, operation.plan);
      const proof = isSigned
        ? { proof: await sign({ says: verdict, user_id, about: plan_hash, operation_id: id }) }
        : {};
      if (verdict === 'confirm') return call('operations.confirm', { id, plan_hash, ...proof });
      if (verdict === 'approve') return call('operations.approve', { id, plan_hash, ...why, ...proof });
      return call('operations.reject', { id, plan_hash, reason: reason ?? '', ...proof });
    },
    onSuccess: ({ operation: after }) => {
      queryClient.setQueryData(['operations.get', { id: after.id ?? '' }], { operation: after });
      invalidateAll();
    },
  });
}

/** A key proves a person as what they were when it was admitted; where they are more by now, the session says more. */
function provesAll(key: PersonKeyView | null | undefined, me: Actor | undefined): boolean {
  return key?.state === 'admitted' && key.role === me?.role;
}

/** Whether what the person proposes is signed with their key in this browser. */
export function useSigns(): boolean {
  const { view } = useOwnKey();
  return provesAll(view, useRead('system.whoami', {}).data?.actor);
}

/**
 * Signs that the person proposes a plan; gives nothing where this browser has no key that counts.
 * @throws AppError Conflict when the plan is not what its hash says.
 */
export async function signProposal(operation: string, plan: Plan): Promise<{ proof?: string }> {
  const { actor } = await queryClient.fetchQuery(readOptions('system.whoami', {}));
  // A browser that cannot look has none; whether that is enough, policy says.
  const key_id = await findKeyId(actor.id).catch(() => null);
  if (key_id === null) return {};
  const { keys } = await queryClient.fetchQuery(readOptions('keys.list', {}));
  const known = keys.find(({ id }) => id === key_id);
  if (!provesAll(known, actor)) return {};
  await checkPlan(operation, plan);
  return { proof: await sign({ says: 'propose', user_id: actor.id, about: plan.hash, operation_id: null }) };
}

/**
 * What is signed and sent is the plan that was shown: its hash is made again from it, and not taken at the control plane's word.
 * Where the browser gives no cryptography, nothing is signed, and nothing can be made again.
 * @throws AppError Conflict when it is another.
 */
export async function checkPlan(operation: string, { hash, changes, over }: Plan): Promise<void> {
  if (!canSign() || (over && (await digestOf({ operation, changes, ...over })) === hash)) return;
  throw new AppError('Conflict', texts.otherHash, { hint: texts.otherHashHint });
}

async function admittedKey(user_id: string, replace: boolean): Promise<void> {
  const key = await registerKey(user_id, replace);
  await forgetKeys(user_id);
  if (key.state === 'admitted') return;
  throw new AppError('Forbidden', texts.pendingTitle, { hint: texts.pendingText });
}
