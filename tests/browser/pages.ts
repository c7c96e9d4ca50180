/** Every page of the dashboard, by address: what is looked at for access, photographed and measured. */
export type PageAddress = { name: string; path: string };

/** Pages of an installation that runs the example. */
export const pages: readonly PageAddress[] = [
  { name: 'overview', path: '/' },
  { name: 'stack', path: '/stacks/example' },
  { name: 'stack-map', path: '/stacks/example?tab=map' },
  { name: 'stack-releases', path: '/stacks/example?tab=releases' },
  { name: 'stack-environment', path: '/stacks/example?tab=environment' },
  { name: 'stack-configuration', path: '/stacks/example?tab=settings' },
  { name: 'stack-file', path: '/stacks/example?tab=file' },
  { name: 'stack-webhook', path: '/stacks/example?tab=webhook' },
  { name: 'service-logs', path: '/stacks/example/services/api' },
  { name: 'service-releases', path: '/stacks/example/services/api?tab=releases' },
  { name: 'service-health', path: '/stacks/example/services/api?tab=health' },
  { name: 'service-usage', path: '/stacks/example/services/api?tab=usage' },
  { name: 'service-crashes', path: '/stacks/example/services/api?tab=crashes' },
  { name: 'new-stack', path: '/stacks/new' },
  { name: 'servers', path: '/servers' },
  { name: 'server', path: '/servers/local' },
  { name: 'server-usage', path: '/servers/local?tab=usage' },
  { name: 'add-server', path: '/servers/add' },
  { name: 'events', path: '/events' },
  { name: 'settings', path: '/settings' },
  { name: 'settings-appearance', path: '/settings?tab=appearance' },
  { name: 'settings-about', path: '/settings?tab=about' },
];
