/** One start of an instance at a time, in every supervisor: a second one would be another process under the same id. */
import { AppError } from '@mainstay/contract/errors';
import type { InstanceHandle, InstanceSpec } from './supervisor.ts';

export type StartGuard = {
  /** Ids of instances that are being started. */
  readonly starting: ReadonlySet<string>;
  /** @throws AppError Conflict where the instance is held, or being started. */
  start(spec: InstanceSpec): Promise<InstanceHandle>;
};

export function createStartGuard(
  isHeld: (id: string) => boolean,
  launch: (spec: InstanceSpec) => Promise<InstanceHandle>,
): StartGuard {
  const starting = new Set<string>();
  return {
    starting,
    async start(spec) {
      if (isHeld(spec.id) || starting.has(spec.id)) {
        throw new AppError('Conflict', `Instance ${spec.id} runs already.`);
      }
      starting.add(spec.id);
      try {
        return await launch(spec);
      } finally {
        starting.delete(spec.id);
      }
    },
  };
}
