/** Operation. */
import { Page } from '../../ui/page.tsx';

export function OperationPage() {
  return <Page title="Operation">{null}</Page>;
}
