/** Names of environment variables: which are valid, and which Mainstay keeps for itself. Loads no schemas, so that pages can use it. */

export const envNamePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
export const envNameMessage = 'must be letters, digits and underscores, not beginning with a digit';

/** Names that Mainstay sets itself, and that a stack file may not. */
export const reservedEnv = /^(PORT|MAINSTAY_.*|SERVICE_.*_URL|DATA_DIR)$/;
export const reservedEnvMessage = 'is set by Mainstay itself; choose another name';

/** `SERVICE_<NAME>_URL`: where every other service of the stack finds this one. */
export function serviceUrlVariable(service: string): string {
  return `SERVICE_${service.toUpperCase().replaceAll('-', '_')}_URL`;
}
