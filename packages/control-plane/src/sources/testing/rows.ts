/** One row of the tables by which detectors are tested: files, and what is to be proposed for them. */
import { expect } from 'vitest';
import { type Files, onlyProposal } from './repositories.ts';

export type Row = {
  title: string;
  files: Files;
  says: string;
  build: string | string[] | null;
  run: string | string[];
  port?: number;
  health?: string;
};

export async function expectProposal(kind: string, { files, says, build, run, port, health }: Row): Promise<void> {
  const proposal = await onlyProposal(files);
  expect(proposal).toMatchObject({ name: 'shop', root: null, kind, title: says, route: { prefix: '/' } });
  expect(proposal.build?.value ?? null).toEqual(build);
  expect(proposal.run?.value).toEqual(run);
  expect(proposal.port.value).toBe(port ?? null);
  expect(proposal.health.value).toBe(health ?? null);
  const reasons = [proposal.build?.reason, proposal.run?.reason, proposal.port.reason, proposal.health.reason];
  for (const reason of reasons) if (reason !== undefined) expect(reason).toMatch(/^\S.*\.$/);
}
