/** Labels of servers as people write them: `role=web, region=eu`. Pure. */
import type { Labels } from '@mainstay/contract/server-labels';

export function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}

/** What is no label stays in what comes out, for the control plane to refuse by name. */
export function labelsOf(text: string): Labels {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
