/**
 * What the operations on sources do. They read what others wrote and run git for it, so that only a few of them are under way
 * at once; whoever comes on top of that is told so, and does not wait in a queue without an end.
 */
import { posix } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import type { Context } from '../context.ts';
import { type CallInfo, type Handler, reads } from '../operations/handlers.ts';
import { findCredential, openCredential } from '../secrets/secret-store.ts';
import { findStackFile } from './found-stack-file.ts';
import { listRefs, type Remote } from './remote.ts';
import { withSnapshot } from './snapshot.ts';

const inspections_at_once_max = 4;
const lists_at_once_max = 8;

/** Handlers with bounds of their own. */
export function createSourceHandlers(): Handler[] {
  const lists = createSlots(lists_at_once_max);
  const inspections = createSlots(inspections_at_once_max);
  return [
    reads(operations['sources.refs'], (context, input, info) =>
      lists(async () => listRefs(await remoteOf(context, input, info))),
    ),

    reads(operations['sources.inspect'], (context, input, info) =>
      inspections(async () => {
        const remote = await remoteOf(context, input, info);
        const root = plainRoot(input.root ?? '');
        // Loaded at the first use: most of the time nobody makes a stack.
        const { proposeServices } = await import('./propose.ts');
        return withSnapshot(remote, input.ref ?? null, async (snapshot) => {
          if (root !== '' && !snapshot.paths.some((path) => path.startsWith(`${root}/`))) {
            throw new AppError('NotFound', `There is no folder "${root}" in ${snapshot.ref} of ${input.git}.`, {
              field: 'root',
              hint: 'Check its spelling; it is relative to the repository.',
            });
          }
          const proposed = await proposeServices(snapshot, repositoryName(input.git), root);
          const stack_file = await findStackFile(snapshot, root);
          return {
            ref: snapshot.ref,
            commit: snapshot.commit,
            commit_subject: snapshot.subject,
            commit_author: snapshot.author,
            commit_at: snapshot.at,
            proposals: proposed.proposals,
            stack_file,
            notes: [...proposed.notes, ...snapshot.notes()],
          };
        });
      }),
    ),
  ];
}

function createSlots(slots_max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let taken = 0;
  return async (work) => {
    if (taken >= slots_max) {
      throw new AppError('Unavailable', `${slots_max} repositories are being looked at already.`, {
        hint: 'Try again in a few seconds.',
      });
    }
    taken += 1;
    try {
      return await work();
    } finally {
      taken -= 1;
    }
  };
}

async function remoteOf(
  context: Context,
  input: { git: string; credential?: string | undefined },
  { signal }: CallInfo,
): Promise<Remote> {
  const remote = { git: input.git, credential: null, run: context.git, signal };
  const name = input.credential;
  if (name === undefined) return remote;
  const row = await findCredential(context.store, name);
  if (!row) {
    throw new AppError('NotFound', `There is no Git credential "${name}".`, {
      field: 'credential',
      hint: `Create it first: mainstay credentials create-deploy-key ${name}`,
    });
  }
  return { ...remote, credential: await openCredential(context, row.commitment) };
}

function plainRoot(root: string): string {
  const plain = posix.normalize(root === '' ? '.' : root).replace(/\/$/, '');
  return plain === '.' ? '' : plain;
}

/** What a repository is called by its URL. */
export function repositoryName(url: string): string {
  const path = url.replace(/\/+$/, '').replace(/\.git$/, '');
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf(':')) + 1) || 'app';
}
