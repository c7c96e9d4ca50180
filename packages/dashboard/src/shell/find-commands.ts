/** Finds commands by a few letters: every word that was typed must fit, and what fits best stands first. Pure. */

/** What is searched; the rest of a command is its own business. */
export type Findable = {
  label: string;
  /** Where it belongs; results are shown in groups. */
  group: string;
  /** Shown beside the label, and searched after it. */
  detail?: string | undefined;
  /** Other words for it, never shown. */
  keywords?: string | undefined;
  /** Shown before anything is typed. */
  isDefault?: boolean | undefined;
};

export type CommandGroup<C extends Findable> = { group: string; commands: C[] };

export const results_max = 40;

/** Groups in the order of their best command; before anything is typed, the commands for that in their own order. */
export function findCommands<C extends Findable>(query: string, commands: readonly C[]): CommandGroup<C>[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
  if (words.length === 0) return grouped(commands.filter(({ isDefault }) => isDefault).slice(0, results_max));
  const found: { command: C; score: number }[] = [];
  for (const command of commands) {
    const score = scoreOf(words, command);
    if (score > 0) found.push({ command, score });
  }
  // The sort is stable: of two that fit alike, the one that was given first stays first.
  found.sort((a, b) => b.score - a.score);
  return grouped(found.slice(0, results_max).map(({ command }) => command));
}

function grouped<C extends Findable>(commands: readonly C[]): CommandGroup<C>[] {
  const groups = new Map<string, C[]>();
  for (const command of commands) groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
  return [...groups].map(([group, members]) => ({ group, commands: members }));
}

/** 0: it does not fit. */
function scoreOf(words: readonly string[], { label, detail = '', keywords = '' }: Findable): number {
  const name = label.toLowerCase();
  let score = 0;
  for (const word of words) {
    const fit = Math.max(fitOf(word, name), fitOf(word, keywords) * 0.6, fitOf(word, detail.toLowerCase()) * 0.4);
    if (fit === 0) return 0;
    score += fit;
  }
  if (name === words.join(' ')) score += 10;
  // Of two names that fit alike the shorter one is meant more often.
  return score / words.length - Math.min(name.length, 100) / 1_000;
}

/** How well one word fits a text: it is a word of it, begins one, or stands somewhere in it. */
function fitOf(word: string, text: string): number {
  const at = text.indexOf(word);
  if (at < 0) return 0;
  const parts = text.split(/[^a-z0-9_]+/);
  if (parts.includes(word)) return 4;
  if (at === 0 || parts.some((part) => part.startsWith(word))) return 3;
  return 1;
}
