/** What the person may do: what they may not is not offered. The control plane decides all the same. */
import type { Permission } from '@mainstay/contract/operation';
import { useRead } from './queries.ts';

/** Whether the person may; what is not known yet is not offered. */
export function useMay(): (permission: Permission) => boolean {
  const { data } = useRead('system.whoami', {});
  return (permission) => data?.permissions.includes(permission) === true;
}
