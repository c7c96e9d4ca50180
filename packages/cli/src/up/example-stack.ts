/** The example stack: its stack file from the template, with what this machine has and where things are. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { StackFile, type StackSpec } from '@mainstay/contract/stack';
import { systemExec } from '@mainstay/runtime/exec';
import { parseDocument } from 'yaml';
import { ensureRepository } from './example-repositories.ts';
import { freePort, isFree } from './ports.ts';

export type Example = {
  stack: string;
  spec: StackSpec;
  /** Services that this machine cannot run, with the reason. */
  left_out: { service: string; reason: string }[];
};

/** Repositories, and the stack file beside them, which people can edit and apply. Called again it gives the same. */
export async function prepareExample(templates: string, folder: string, proxy_port: number): Promise<Example> {
  const template = readFileSync(join(templates, 'mainstay.yaml'), 'utf8');
  const document = parseDocument(template.replaceAll('{{repositories}}', pathToFileURL(folder).href));
  document.setIn(['proxy', 'port'], proxy_port);
  document.setIn(['names', 'port'], (await isFree(proxy_port + 1)) ? proxy_port + 1 : await freePort());
  const left_out: Example['left_out'] = [];
  if (!(await hasPython())) {
    document.deleteIn(['services', 'clock']);
    left_out.push({ service: 'clock', reason: 'there is no python3 (3.8 or newer) on this machine' });
  }
  const { stack, ...spec } = StackFile.parse(document.toJS());
  for (const service of Object.keys(spec.services)) {
    await ensureRepository(join(templates, service), join(folder, service));
  }
  writeFileSync(join(folder, 'mainstay.yaml'), document.toString({ lineWidth: 100 }), { mode: 0o600 });
  return { stack, spec, left_out };
}

async function hasPython(): Promise<boolean> {
  const check = 'import sys; sys.exit(sys.version_info < (3, 8))';
  return (await systemExec(['python3', '-c', check], { timeout_ms: 10_000 })).code === 0;
}
