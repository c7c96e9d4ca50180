/**
 * Writes docs/reference from the contract and the commands, so that the reference cannot say anything else than the code.
 * With --check it writes nothing, and fails when something is out of date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inputJsonSchema } from '@mainstay/contract/json-schema';
import { PolicyFile } from '@mainstay/contract/policy';
import { StackFile } from '@mainstay/contract/stack';
import { cliPage } from './docs/cli-page.ts';
import { errorsPage } from './docs/errors-page.ts';
import { mcpPage } from './docs/mcp-page.ts';
import { operationsPage } from './docs/operations-page.ts';
import { policyFilePage } from './docs/policy-file-page.ts';
import { stackFilePage } from './docs/stack-file-page.ts';

const folder = join(import.meta.dirname, '..', 'docs', 'reference');
const pages: Record<string, string> = {
  'stack-file.md': stackFilePage(),
  'cli.md': cliPage(),
  'mcp.md': mcpPage(),
  'operations.md': operationsPage(),
  'errors.md': errorsPage(),
  'policy-file.md': policyFilePage(),
  'policy.schema.json': `${JSON.stringify(inputJsonSchema(PolicyFile), null, 2)}\n`,
  'mainstay.schema.json': `${JSON.stringify(inputJsonSchema(StackFile), null, 2)}\n`,
};

if (process.argv.includes('--check')) {
  const stale = Object.keys(pages).filter((name) => readPage(name) !== pages[name]);
  for (const name of stale) console.error(`docs/reference/${name} is out of date: run \`npm run docs\``);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(folder, name), text);
  console.log(`Wrote ${Object.keys(pages).length} pages to docs/reference`);
}

function readPage(name: string): string | null {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return null;
  }
}
