/** Modules that the build makes (vite.config.ts). */
declare module 'virtual:mainstay-operations' {
  import type { OperationId } from '@mainstay/contract/operations/index';
  import type { Routed } from '@mainstay/contract/request';

  const routes: Record<OperationId, Routed>;
  export default routes;
}
