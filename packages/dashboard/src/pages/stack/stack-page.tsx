/** Stack. */
import { Page } from '../../ui/page.tsx';

export function StackPage() {
  return <Page title="Stack">{null}</Page>;
}
