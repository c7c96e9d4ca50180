import { expect, test } from 'vitest';
import { sha256Hex } from './canonical.ts';
import { desiredStateDigest } from './desired-state.ts';
import { canonicalTexts, contentDigest } from './plan.ts';
import { desiredState } from './testing/desired-state.ts';

test('both digests of a document are over its canonical texts', async () => {
  for (const document of [
    desiredState(),
    desiredState({ version: 7, stack: 'umlauts', names: { domain: 'ä\u2028"\\.internal', port: 1 } }),
    desiredState({ removed: { delete_data: true } }),
  ]) {
    const texts = canonicalTexts(document);
    expect(await sha256Hex(texts.document)).toBe(await desiredStateDigest(document));
    expect(await sha256Hex(texts.content)).toBe(await contentDigest(document));
  }
});
