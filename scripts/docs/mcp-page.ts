/** docs/reference/mcp.md, from the tools that are projected from the contract. */
import { mcpTools } from '@mainstay/contract/mcp';
import { code, page, table } from './markdown.ts';

const configuration = {
  mcpServers: { mainstay: { command: 'mainstay', args: ['mcp'], env: { MAINSTAY_URL: 'http://127.0.0.1:7070' } } },
};

export function mcpPage(): string {
  const rows = mcpTools().map(({ name, description, annotations, inputSchema }) => {
    const required = new Set(inputSchema.required ?? []);
    const fields = Object.keys(inputSchema.properties ?? {})
      .filter((field) => !['dry_run', 'plan_hash', 'idempotency_key', 'proof'].includes(field))
      .map((field) => (required.has(field) ? `**${field}**` : field));
    const hints = [
      annotations?.readOnlyHint ? 'reads' : annotations?.destructiveHint ? 'replaces or removes' : 'changes',
      ...(annotations?.idempotentHint && !annotations.readOnlyHint ? ['idempotent'] : []),
      ...(annotations?.openWorldHint ? ['asks Git hosts'] : []),
    ];
    return [code(name), description ?? '', fields.join(', '), hints.join(', ')];
  });
  return page(
    'MCP tools',
    'the contract (packages/contract/src/mcp.ts)',
    'Every operation is a tool of the Model Context Protocol, with the same input, output and errors as over HTTP: see [operations](operations.md).',
    '## What an assistant may do',
    'A connection reads only. Tools that change something, or speak on an operation (such as `operations_approve`), are neither listed nor callable until whoever configures the assistant opens the connection: with `mainstay mcp --allow-changes`, or with `?changes=1` in the address. What the role of the token does not allow stays refused, and is not listed.',
    'Tools that change something take `dry_run`, `plan_hash` and `idempotency_key` too, and `plan_hash` is required but for a dry run: an assistant plans with `dry_run`, shows the plan, and repeats with the hash that it was given. If the plan is another by then, nothing is done (`Conflict`). `mainstay mcp` never signs with the key of its device: what policy wants signed, such as the removal of a stack, is confirmed by a person (`mainstay ops confirm ID`, or in the dashboard).',
    '## Connecting',
    `An assistant that starts programs runs \`mainstay mcp\`, which speaks over standard input and output with the token of this user (\`MAINSTAY_TOKEN\`, or that of the installation on this machine):\n\n\`\`\`json\n${JSON.stringify(configuration, null, 2)}\n\`\`\``,
    'An assistant that connects over the network uses the streamable HTTP transport at `/mcp` (or `/mcp?changes=1`) of the control plane, with `Authorization: Bearer <token>`. It keeps no sessions: each request is answered by itself, in JSON.',
    'An error is a result with `isError`, whose text is the error as JSON: see [errors](errors.md).',
    '## Tools',
    'Fields in bold are required. The last column says what the annotations say (`readOnlyHint`, `destructiveHint`, `idempotentHint`, `openWorldHint`).',
    table(['Tool', 'What it does', 'Input', 'Annotations'], rows),
  );
}
