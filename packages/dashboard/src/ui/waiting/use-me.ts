/** Who looks at the page, and what waits for them. */
import type { OperationView } from '@mainstay/contract/operation';
import { useRead } from '../../api/queries.ts';
import { type Me, waitsForMe } from './waits.ts';

/** The one who is signed in; null until it is known. */
export function useMe(): Me | null {
  return useRead('system.whoami', {}).data ?? null;
}

/** As many as one answer holds; the keeper lets 1,000 wait. */
const waiting_max = 200;

/** Operations that go on only when this person speaks, newest first; undefined until it is known. */
export function useWaitingForMe(): OperationView[] | undefined {
  const me = useMe();
  const { data } = useRead('operations.list', { state: ['waiting'], limit: waiting_max });
  if (!me) return undefined;
  return data?.operations.filter((operation) => waitsForMe(operation, me));
}
