/** Labs of tests: real hosts with a name of their own, removed at the end whatever happened. */
import { randomBytes } from 'node:crypto';
import { createLocalHosts, type HostGroup, type HostKind, type HostRequest } from '@mainstay/runtime/local-hosts/index';

export type { HostGroup as Lab, LocalHost as LabHost } from '@mainstay/runtime/local-hosts/index';

export type LabOptions = Omit<HostRequest, 'name'> & {
  /** How many (h1, h2, …), or a description of each. */
  hosts: number | readonly HostRequest[];
  /** Prefix of the lab's name (at most 15 characters), to find it in `npm run lab -- list` while a test runs. */
  name?: string;
};

/**
 * Why a lab with hosts of this kind cannot be had here, or null. To be said aloud by who skips:
 * `const missing = whyNoLab(); describe.skipIf(missing)(…)` with the reason in the title, or `context.skip(missing)`.
 */
export function whyNoLab(kind: HostKind = 'container'): string | null {
  const missing = createLocalHosts().missing(kind);
  return missing.length === 0 ? null : missing.join('; ');
}

/**
 * Opens a lab and waits until all its hosts are up. Call `lab.down()` in `afterAll`, or use `await using`.
 * Images are made on the first use, which takes a minute; allow for it in the timeout of the hook.
 */
export async function openLab(options: LabOptions): Promise<HostGroup & AsyncDisposable> {
  const { hosts: wanted, name = 'test', ...shared } = options;
  const requests = typeof wanted === 'number' ? Array.from({ length: wanted }, () => ({})) : wanted;
  const lab = await createLocalHosts().open(`${name}-${randomBytes(4).toString('hex')}`);
  try {
    await lab.add(requests.map((request) => ({ ...shared, ...request })));
  } catch (error) {
    await lab.down();
    throw error;
  }
  return { ...lab, [Symbol.asyncDispose]: () => lab.down() };
}
