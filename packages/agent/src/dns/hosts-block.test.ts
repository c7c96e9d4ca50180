import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHosts, writeHosts } from './hosts-block.ts';

/** Any bytes, and often what hosts files are made of. */
const file = fc
  .array(
    fc.oneof(
      fc.constantFrom('127.0.0.1 localhost\n', '127.0.0.1 a.svc.internal\n', '# a remark', '\n', '\r\n', '::1 x\n'),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''));
const wanted = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { maxLength: 5 }).map((names) => ({
  domain: 'svc.internal',
  services: names.map((name) => ({ name, port: 1 })),
}));

test('what is written into any file and taken out of it again leaves its bytes as they were', () => {
  fc.assert(
    fc.property(file, wanted, (before, names) => {
      const { text, block } = writeHosts(before, names);
      expect(readHosts(text)).toEqual({ rest: before, block, was_made: false });
    }),
  );
});

test('other names take the place of the ones before, whatever stands around them', () => {
  fc.assert(
    fc.property(file, wanted, wanted, file, (before, names, others, after) => {
      const { text } = writeHosts(before, names);
      const again = writeHosts(readHosts(text + after).rest, others);
      const { rest } = readHosts(again.text);
      if (after === '') expect(rest).toBe(before);
      else expect(rest).toBe(`${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${after}`);
    }),
  );
});
