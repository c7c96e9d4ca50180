/** The newest lines of a log, kept in memory: few and short, so that a program can show what it logged where no file or journal has it. */

export type RecentLines = {
  /** Takes one line as it is written. */
  add(text: string): void;
  /** Oldest first. */
  list(): { at: number; text: string }[];
};

/** @param count_max Lines kept; of each at most so many characters. */
export function createRecentLines(count_max = 100, characters_max = 1_000): RecentLines {
  const kept: { at: number; text: string }[] = [];
  return {
    add(text) {
      kept.push({ at: Date.now(), text: text.trimEnd().slice(0, characters_max) });
      if (kept.length > count_max) kept.shift();
    },
    list: () => [...kept],
  };
}
