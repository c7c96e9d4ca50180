/** Labels of servers as people write them: `role=web, region=eu`. Pure. */
import type { Labels } from '@mainstay/contract/server-labels';

export function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ');
}

/** What is no label, or is there twice, stays in what comes out, for the control plane to refuse by name. */
export function labelsOf(text: string): Labels {
  const labels = new Map<string, string>();
  for (const word of text.split(/[\s,]+/).filter((word) => word !== '')) {
    const [key = '', ...rest] = word.split('=');
    if (labels.has(key)) labels.set(word, '');
    else labels.set(key, rest.join('='));
  }
  return Object.fromEntries(labels);
}

/** What makes the one labels into the others. */
export function labelsDifference(from: Labels, to: Labels): { set: Labels; remove: string[] } {
  return {
    set: Object.fromEntries(Object.entries(to).filter(([key, value]) => from[key] !== value)),
    remove: Object.keys(from).filter((key) => !Object.hasOwn(to, key)),
  };
}
