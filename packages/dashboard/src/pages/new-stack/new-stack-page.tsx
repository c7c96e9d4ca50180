/** New stack. */
import { Page } from '../../ui/page.tsx';

export function NewStackPage() {
  return <Page title="New stack">{null}</Page>;
}
