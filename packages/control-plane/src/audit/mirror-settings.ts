/** Where the mirror is pushed to: `<home>/audit-mirror.yaml`, read at the start. Without the file the mirror stays on this machine. */
import { existsSync, readFileSync } from 'node:fs';
import { AppError, invalidInput } from '@mainstay/contract/errors';
import { parse } from 'yaml';
import * as z from 'zod';

const MirrorRemote = z.strictObject({
  /** An address that git can push to. One of ssh is reached with the mirror's own key. */
  url: z
    .string()
    .min(1)
    .max(2_048)
    .regex(/^[^-\s][^\s]*$/, 'must be an address without spaces that does not begin with a dash')
    .refine((url) => !/^https?:\/\/[^/]*@/i.test(url), 'must hold no user name or password; give token_file instead'),
  /** For https: file that holds the token, readable by Mainstay alone. */
  token_file: z.string().max(4_096).optional(),
  username: z.string().max(128).default('mainstay'),
});
export type MirrorRemote = z.infer<typeof MirrorRemote>;

export const MirrorSettings = z.strictObject({
  enabled: z.boolean().default(true),
  remotes: z.array(MirrorRemote).max(20).default([]),
});
export type MirrorSettings = z.infer<typeof MirrorSettings>;

/** @throws AppError InvalidInput that names what is wrong in the file. */
export function readMirrorSettings(path: string): MirrorSettings {
  if (!existsSync(path)) return MirrorSettings.parse({});
  let value: unknown;
  try {
    value = parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    throw new AppError('InvalidInput', `${path} is not YAML: ${(error as Error).message.split('\n')[0]}`, {
      hint: 'docs/guides/audit.md shows an example.',
      cause: error,
    });
  }
  const parsed = MirrorSettings.safeParse(value);
  if (!parsed.success) throw invalidInput(parsed.error);
  return parsed.data;
}
