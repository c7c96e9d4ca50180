import { expect, test } from 'vitest';
import { desiredStateDigest } from './desired-state.ts';
import { contentDigest, documentDigests } from './plan.ts';
import { desiredState } from './testing/desired-state.ts';

test('both digests of a document are those that are computed one by one', async () => {
  for (const document of [
    desiredState(),
    desiredState({ version: 7, stack: 'umlauts', names: { domain: 'ä\u2028"\\.internal', port: 1 } }),
    desiredState({ removed: { delete_data: true } }),
  ]) {
    expect(await documentDigests(document)).toEqual({
      sha256: await desiredStateDigest(document),
      content_sha256: await contentDigest(document),
    });
  }
});
