/** Every command but `up`, in the order of the help. */
import type { Registration } from './cli.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerDeploy } from './commands/deploy.ts';
import { registerMcp } from './commands/mcp.ts';
import { registerPlanAndApply } from './commands/plan-apply.ts';
import { registerOpen } from './commands/sign-in.ts';
import { registerStackFiles } from './commands/stack-files.ts';
import { registerStatus } from './commands/status.ts';
import { registerVersion } from './commands/version.ts';
import { registerWatch } from './commands/watch.ts';
import { registerOperations } from './operation-command.ts';

export const registrations: readonly Registration[] = [
  registerStatus,
  registerPlanAndApply,
  registerDeploy,
  registerStackFiles,
  registerOpen,
  registerWatch,
  registerOperations,
  registerMcp,
  registerCompletion,
  registerVersion,
];
