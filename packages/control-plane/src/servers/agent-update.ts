/**
 * Updating the agent of a server: which release is handed out here, and what its server state becomes. For many servers at once: agent-rollout.ts.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Context } from '../context.ts';
import { handedOutRelease } from './agent-releases.ts';
import type { ServerChange } from './server-state-plan.ts';
import type { ServerContent } from './server-state-store.ts';
import { reportedState, type ServerRow } from './server-store.ts';

/** The release that servers are given. @throws AppError NotFound (none, or not the expected one). */
export async function releaseToHandOut(context: Context, expected: string | undefined) {
  const release = await handedOutRelease(context);
  if (release === null) {
    throw new AppError('NotFound', 'This installation has no release of the agent to hand out.', {
      field: 'version',
      hint: 'Build it where the panel runs: npm run build:agent',
    });
  }
  const { version } = release;
  if (expected !== undefined && expected !== version) {
    throw new AppError('NotFound', `This installation hands out agent ${version}, not ${expected}.`, {
      field: 'version',
      hint: `Ask for ${version}, or build ${expected} where the panel runs.`,
    });
  }
  return release;
}

/** @throws AppError NotFound (no release, or not the expected one), Conflict (none for this server). */
export async function planAgentUpdate(
  context: Context,
  server: ServerRow,
  current: ServerContent,
  expected: string | undefined,
): Promise<ServerChange> {
  const { version, manifest_sha256, archs } = await releaseToHandOut(context, expected);
  const reported = await reportedState(context.store, server);
  const arch = reported?.facts.arch ?? null;
  if (arch !== null && !archs.includes(arch)) {
    throw new AppError(
      'Conflict',
      `The release of the agent has nothing for ${arch}, which server "${server.name}" is.`,
      {
        field: 'server',
        hint: `Build it where the panel runs: npm run build:agent -- --arch ${arch}`,
      },
    );
  }
  const from = reported?.agent_version ?? null;
  const isSame = current.agent?.manifest_sha256 === manifest_sha256 && from === version;
  return {
    next: { ...current, agent: { version, manifest_sha256 } },
    summary: `Update the agent of server ${server.name} to ${version}`,
    changes: isSame ? [] : [{ action: 'update', path: 'agent.version', from, to: version, note: 'services run on' }],
    ...(server.online ? {} : { warnings: [`${server.name} is offline: it is updated when it is back.`] }),
  };
}
