/** Step one of a rollout: every build that a changed service needs is whole on disk. What is there already is not built again. */
import type { LastLine } from '@mainstay/contract/crash-report';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import { type Context, DeployFailure } from './context.ts';
import type { Environment } from './environment.ts';
import type { Progress } from './progress.ts';
import type { Secrets } from './secrets.ts';

export type BuildNeeds = { context: Context; environment: Environment; secrets: Secrets; progress: Progress };

/** Fetches the commit of a service and builds it. Throws DeployFailure. */
export async function ensureBuild(
  needs: BuildNeeds,
  service: string,
  desired: DesiredService,
  operation_id: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { workspace } = needs.context;
  const { build_id, source } = desired;
  if (await workspace.hasBuild(build_id)) return noteCommit(needs, source, signal);
  try {
    needs.progress.enter(service, desired, 'sync');
    const credential = await needs.secrets.credential(source, signal);
    const synced = await workspace.checkout(build_id, source, credential, signal);
    signal.throwIfAborted();
    if (!synced.ok) throw new DeployFailure(service, 'sync', synced.message, synced.hint);
    await noteCommit(needs, source, signal);
    if (desired.build !== null) {
      needs.progress.enter(service, desired, 'build');
      await runBuild(needs, service, desired, synced, operation_id, signal);
    }
    await workspace.commitBuild(build_id);
  } catch (error) {
    await workspace.discardBuild(build_id);
    throw error instanceof AppError ? new DeployFailure(service, 'sync', error.message, error.hint ?? null) : error;
  }
}

/** Keeps what the commit says of itself, for those who watch; nothing fails for want of it. */
async function noteCommit({ context }: BuildNeeds, source: DesiredService['source'], signal: AbortSignal) {
  const { state, workspace, log } = context;
  try {
    if (state.commits.get(source.commit)) return;
    const text = await workspace.describeCommit(source, signal);
    if (text) state.commits.put(source.commit, text);
  } catch (error) {
    log.warn({ err: error, commit: source.commit }, 'a commit could not be read');
  }
}

async function runBuild(
  { context, environment }: BuildNeeds,
  service: string,
  desired: DesiredService,
  { checkout, directory }: { checkout: string; directory: string },
  operation_id: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { build, build_id, release_id, limits } = desired;
  if (build === null) return;
  const about = { service, release_id, operation_id };
  context.emit({ kind: 'build.started', message: `Building commit ${desired.source.commit.slice(0, 12)}.`, ...about });
  const env = await environment.ofBuild(service, desired, signal);
  const outcome = await context.builder.build(
    { id: build_id, service, release_id, directory, checkout, command: build, env, limits },
    signal,
  );
  signal.throwIfAborted();
  const seconds = (outcome.duration_ms / 1000).toFixed(1);
  if (outcome.ok) {
    context.emit({ kind: 'build.succeeded', message: `Built in ${seconds} s.`, ...about });
    return;
  }
  const { message, hint, reason, last_lines } = outcome;
  context.emit({ kind: 'build.failed', severity: 'error', message, ...about, data: { reason, last_lines } });
  const printed = last_lines.length > 0 ? ` It printed last:\n${textsOf(last_lines)}` : '';
  throw new DeployFailure(service, 'build', message + printed, hint);
}

function textsOf(lines: LastLine[]): string {
  return lines
    .slice(-10)
    .map(({ text }) => text)
    .join('\n');
}
