/** Shows what leads to a change only to who may make it. */
import type { Permission } from '@mainstay/contract/operation';
import type { ReactNode } from 'react';
import { useMay } from '../api/may.ts';

export function Allowed({ to, children }: { to: Permission; children: ReactNode }) {
  return useMay()(to) && children;
}
