/** Every address of the dashboard. A page is loaded when it is first gone to; its search parameters are its state. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { base_path } from './api/client.ts';
import { auditSearch } from './pages/audit/audit-search.ts';
import { eventsSearch } from './pages/events/events-search.ts';
import { newStackSearch } from './pages/new-stack/new-stack-search.ts';
import { operationsSearch } from './pages/operations/operations-search.ts';
import { runSearch, runsSearch } from './pages/runs/runs-search.ts';
import { addServerSearch } from './pages/servers/add-server-search.ts';
import { serverSearch } from './pages/servers/server-search.ts';
import { serversSearch } from './pages/servers/servers-search.ts';
import { serviceSearch } from './pages/service/service-search.ts';
import { settingsSearch } from './pages/settings/settings-search.ts';
import { stackSearch } from './pages/stack/stack-search.ts';
import { BrokenPage, NotFoundPage } from './shell/lost-pages.tsx';
import { Shell } from './shell/shell.tsx';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage, errorComponent: BrokenPage });

const routes = [
  createRoute({
    getParentRoute: () => root,
    path: '/',
    component: lazyRouteComponent(() => import('./pages/overview/overview-page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/stacks/new',
    validateSearch: newStackSearch,
    component: lazyRouteComponent(() => import('./pages/new-stack/new-stack-page.tsx'), 'NewStackPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/stacks/$stack',
    validateSearch: stackSearch,
    component: lazyRouteComponent(() => import('./pages/stack/stack-page.tsx'), 'StackPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/stacks/$stack/services/$service',
    validateSearch: serviceSearch,
    component: lazyRouteComponent(() => import('./pages/service/service-page.tsx'), 'ServicePage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/servers',
    validateSearch: serversSearch,
    component: lazyRouteComponent(() => import('./pages/servers/servers-page.tsx'), 'ServersPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/servers/add',
    validateSearch: addServerSearch,
    component: lazyRouteComponent(() => import('./pages/servers/add-server-page.tsx'), 'AddServerPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/servers/$server',
    validateSearch: serverSearch,
    component: lazyRouteComponent(() => import('./pages/servers/server-page.tsx'), 'ServerPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/events',
    validateSearch: eventsSearch,
    component: lazyRouteComponent(() => import('./pages/events/events-page.tsx'), 'EventsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/operations',
    validateSearch: operationsSearch,
    component: lazyRouteComponent(() => import('./pages/operations/operations-page.tsx'), 'OperationsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/operations/$id',
    component: lazyRouteComponent(() => import('./pages/operation/operation-page.tsx'), 'OperationPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/runs',
    validateSearch: runsSearch,
    component: lazyRouteComponent(() => import('./pages/runs/runs-page.tsx'), 'RunsPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/runs/$id',
    validateSearch: runSearch,
    component: lazyRouteComponent(() => import('./pages/runs/run-page.tsx'), 'RunPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/policies',
    component: lazyRouteComponent(() => import('./pages/policies/policies-page.tsx'), 'PoliciesPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/audit',
    validateSearch: auditSearch,
    component: lazyRouteComponent(() => import('./pages/audit/audit-page.tsx'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute: () => root,
    path: '/settings',
    validateSearch: settingsSearch,
    component: lazyRouteComponent(() => import('./pages/settings/settings-page.tsx'), 'SettingsPage'),
  }),
] as const;

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: base_path,
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
