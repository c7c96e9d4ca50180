/** Words of the command palette. Keywords are other words that people type for a thing; they are not shown. */
import type { SettingsTab } from '../pages/settings/settings-search.ts';
import type { StackAct, StackTab } from '../pages/stack/stack-search.ts';

const acts: Record<StackAct, (stack: string) => string> = {
  deploy: (stack) => `Deploy ${stack}`,
  rollback: (stack) => `Roll ${stack} back`,
  pause: (stack) => `Pause ${stack}`,
  resume: (stack) => `Resume ${stack}`,
  remove: (stack) => `Remove ${stack}`,
};

const actKeywords: Record<StackAct, string> = {
  deploy: 'release ship push update redeploy',
  rollback: 'rollback revert undo previous version',
  pause: 'stop freeze hold',
  resume: 'continue unpause follow',
  remove: 'delete destroy',
};

const stackTabs: Record<StackTab, string> = {
  services: 'Services',
  map: 'Map',
  releases: 'Releases',
  environment: 'Environment and secrets',
  configuration: 'Configuration',
  file: 'Stack file',
  webhook: 'Webhook',
};

const settingsKeywords: Record<SettingsTab, string> = {
  profile: 'account whoami session sign-in link permissions',
  appearance: 'theme dark light contrast motion colours colors',
  people: 'users roles members invite add remove',
  access: 'sessions tokens api keys signed in revoke',
  keys: 'sign signature fingerprint admit device browser confirm',
  credentials: 'deploy key ssh token private repository git',
  api: 'token openapi mcp curl assistant',
  about: 'version licence license health',
};

export const palette = {
  acts,
  stackTabs,
  tabOf: (stack: string, tab: string) => `${stack}: ${tab}`,
  logsOf: (service: string) => `Logs of ${service}`,
  operation: (id: string) => `Open the operation ${id}`,
  waiting: 'Operations that wait for people',
  errors: 'Errors of the last 24 hours',
  results: (count: number) => `${count} ${count === 1 ? 'result' : 'results'}`,
  label: 'Commands',
  move: 'to move',
  choose: 'to choose',
  leave: 'to close',
  keywords: {
    acts: actKeywords,
    settings: settingsKeywords,
    errors: 'failures problems crashes',
    operations: 'approve reject confirm approvals pending',
    runs: 'workflows steps orchestrator jobs tasks',
    policies: 'rules allow deny require approvals keeper',
    audit: 'history log trail verify chain who did what',
    stack: 'stack project application',
    service: 'service',
    logs: 'log output console tail',
    server: 'server machine host node',
    newStack: 'create add project repository git deploy',
    addServer: 'invite enrol agent machine host',
    credentials: 'git private repository ssh',
    signOut: 'log out logout leave',
  },
} as const;
