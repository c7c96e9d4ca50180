/**
 * The keeper's keys as this agent trusts them. They change only as the keeper itself signed it, step by step from the key that
 * enrolment pinned; a change counts once it is on disk, so that no restart goes back to a key that was revoked.
 */
import { applyKeyChanges, type PinnedKeys } from '@mainstay/contract/key-changes';
import { type Identity, saveIdentity } from './identity.ts';

export type KeeperKeys = {
  pinned(): PinnedKeys;
  /** Follows signed changes, oldest first; true when there was something new. Throws when it cannot be stored. */
  follow(changes: readonly string[]): Promise<boolean>;
};

export function createKeeperKeys(home: string, identity: Identity): KeeperKeys {
  let pinned: PinnedKeys = identity.keeper;
  let following: Promise<unknown> = Promise.resolve();

  const follow = async (changes: readonly string[]) => {
    const next = await applyKeyChanges(pinned, changes);
    if (next.applied === 0) return false;
    saveIdentity(home, { ...identity, keeper: next.pinned });
    pinned = next.pinned;
    return true;
  };
  return {
    pinned: () => pinned,
    follow(changes) {
      if (changes.length === 0) return Promise.resolve(false);
      // Heartbeats and offers bring them both; one after the other, none is lost.
      const followed = following.then(() => follow(changes));
      following = followed.catch(() => {});
      return followed;
    },
  };
}
