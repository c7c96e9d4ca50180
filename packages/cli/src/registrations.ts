/** Every command, in the order of the help. */
import type { Registration } from './cli.ts';
import { registerAudit } from './commands/audit.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerDeploy } from './commands/deploy.ts';
import { registerShowKey } from './commands/keys.ts';
import { registerMcp } from './commands/mcp.ts';
import { registerPlanAndApply } from './commands/plan-apply.ts';
import { registerPolicyCheck } from './commands/policy-test.ts';
import { registerFollowRun } from './commands/run-follow.ts';
import { registerOpen } from './commands/sign-in.ts';
import { registerStackFiles } from './commands/stack-files.ts';
import { registerStatus } from './commands/status.ts';
import { registerUsers } from './commands/users.ts';
import { registerVersion } from './commands/version.ts';
import { registerWatch } from './commands/watch.ts';
import { registerOperations } from './operation-command.ts';
import { registerUp } from './up/up.ts';

const heading =
  (title: string): Registration =>
  (program) =>
    void program.commandsGroup(title);

export const registrations: readonly Registration[] = [
  heading('Every day:'),
  registerUp,
  registerStatus,
  registerPlanAndApply,
  registerDeploy,
  heading('Logs, events, operations (`mainstay logs STACK`, `mainstay events -f`):'),
  registerWatch,
  registerAudit,
  heading('All operations, noun by noun:'),
  registerOperations,
  registerUsers,
  registerFollowRun,
  registerPolicyCheck,
  registerShowKey,
  heading('Stack files:'),
  registerStackFiles,
  heading('More:'),
  registerOpen,
  registerMcp,
  registerCompletion,
  registerVersion,
];
