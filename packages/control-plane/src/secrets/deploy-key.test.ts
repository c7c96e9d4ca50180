import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeDeployKey } from './deploy-key.ts';

const hasSsh = spawnSync('ssh-keygen', ['-?']).error === undefined;

it.skipIf(!hasSsh)(
  'a deploy key is one that OpenSSH reads, both halves belonging together (skipped without ssh-keygen)',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'mainstay-key-'));
    try {
      const { private_key, public_key } = makeDeployKey('mainstay-shop');
      writeFileSync(join(folder, 'key'), private_key, { mode: 0o600 });
      const derived = execFileSync('ssh-keygen', ['-y', '-f', join(folder, 'key')], { encoding: 'utf8' });
      expect(derived.trim()).toBe(public_key);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
