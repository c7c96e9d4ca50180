/** What every tab of the page is given. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { Output } from '../../api/client.ts';

export type TabProps = {
  stack: string;
  service: string;
  /** The service on the servers that are looked at. */
  entries: readonly ServiceOnServer[];
  spec: Output<'stacks.get'>['spec'] | null;
};
