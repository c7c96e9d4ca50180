/**
 * What changed when, so that a page whose connection broke can be told what it missed. Instead of a list of all changes only
 * the last change of every topic is kept: the number of topics is small, so that a page can be away for as long as it likes.
 * Points are numbered from 1, and hold within one run of the control plane, which its epoch names.
 */
import { randomBytes } from 'node:crypto';

/** More topics than this are not kept; the one that has been quiet the longest is forgotten. */
export const live_topics_kept_max = 1_000;

export type LiveHistory = {
  /** Something of this topic changed. */
  note(topic: string): void;
  /** The newest point; 0 before the first change. */
  point(): number;
  /** Topics that changed after that point; null when that is not known any more. */
  since(point: number): string[] | null;
  /** Id of a message that tells everything up to that point. */
  idOf(point: number): string;
  /** The point of such an id; null when it is of another run or is none. */
  pointOf(id: string): number | null;
};

export function createLiveHistory(): LiveHistory {
  const epoch = randomBytes(6).toString('hex');
  /** The quietest topic first. */
  const changed = new Map<string, number>();
  let point = 0;
  let forgotten = 0;
  return {
    note(topic) {
      point += 1;
      changed.delete(topic);
      changed.set(topic, point);
      const [quietest] = changed;
      if (changed.size <= live_topics_kept_max || !quietest) return;
      changed.delete(quietest[0]);
      forgotten = quietest[1];
    },
    point: () => point,
    since(earlier) {
      if (earlier < forgotten || earlier > point) return null;
      return [...changed].filter(([, at]) => at > earlier).map(([topic]) => topic);
    },
    idOf: (at) => `${epoch}-${at}`,
    pointOf(id) {
      const match = /^([0-9a-f]{12})-(\d{1,15})$/.exec(id);
      return match?.[1] === epoch ? Number(match[2]) : null;
    },
  };
}
