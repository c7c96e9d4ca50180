/** Add a server. */
import { Page } from '../../ui/page.tsx';

export function AddServerPage() {
  return <Page title="Add a server">{null}</Page>;
}
