import { describe, expect, it } from 'vitest';
import { parsePublicUrl } from './public-url.ts';

describe('a public URL', () => {
  it.each([
    ['https://example.com', 'https://example.com', ''],
    ['https://example.com/', 'https://example.com', ''],
    ['http://10.0.0.7:8080/panel', 'http://10.0.0.7:8080/panel', '/panel'],
    ['https://example.com/a/b-c/', 'https://example.com/a/b-c', '/a/b-c'],
    ['https://EXAMPLE.com/x/../panel/', 'https://example.com/panel', '/panel'],
    ['https://example.com/apis', 'https://example.com/apis', '/apis'],
  ])('%s is %s with the prefix "%s"', (text, url, prefix) => {
    expect(parsePublicUrl(text)).toEqual({ url, prefix });
  });

  it.each([
    ['example.com', 'is not an http'],
    ['ftp://example.com', 'is not an http'],
    ['https://ada:secret@example.com', 'holds a user or a password'],
    ['https://example.com/?a=1', 'holds a query'],
    ['https://example.com/#x', 'holds a query'],
    ['https://example.com/api/', 'begins its path with /api'],
    ['https://example.com/assets/panel', 'begins its path with /assets'],
    ['https://example.com/a//b', 'plain segments'],
    ['https://example.com/a%20b', 'plain segments'],
    ['https://example.com/"><script>', 'plain segments'],
  ])('%s is refused: it %s', (text, why) => {
    expect(() => parsePublicUrl(text)).toThrow(expect.objectContaining({ code: 'InvalidInput', field: 'public_url' }));
    expect(() => parsePublicUrl(text)).toThrow(why);
  });

  it('with a password is refused without repeating it', () => {
    expect(() => parsePublicUrl('https://ada:secret@example.com')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });
});
