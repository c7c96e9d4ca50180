/** docs/reference/stack-file.md, from the JSON Schema of the stack file. */
import { parseStackFile } from '@mainstay/cli';
import { inputJsonSchema, type JsonSchema } from '@mainstay/contract/json-schema';
import { limitsOfStack, StackFile } from '@mainstay/contract/stack';
import { code, fieldRows, page, resolved, table } from './markdown.ts';

const example = `# Two services: one that the world sees, one that only its neighbours do.
stack: shop
poll_interval_seconds: 30
proxy:
  port: 8080
  bind: loopback
services:
  web:
    source:
      git: https://github.com/you/shop.git
      ref: main
      root: apps/web
    build: npm ci && npm run build
    run: npm start
    route:
      prefix: /
    env:
      LOG_LEVEL: info
    health:
      path: /healthz
      interval_seconds: 5
  api:
    source:
      git: git@github.com:you/shop-api.git
      ref: v1.4.2
      credential: github
    run: [node, server.js]
    secrets: [DATABASE_URL]
    health:
      type: tcp
    limits:
      memory_mb: 512
`;

export function stackFilePage(): string {
  // An example that is not acceptable is none.
  parseStackFile(example, 'the example of the reference');
  const root = inputJsonSchema(StackFile);
  const definitions = (root['$defs'] ?? {}) as Record<string, JsonSchema>;
  const sections: string[] = [];
  const add = (title: string, schema: JsonSchema) => {
    const object = resolved(schema, definitions);
    const lead = schema['description'] ?? object['description'];
    sections.push(
      [
        `## ${title}`,
        ...(lead ? [String(lead)] : []),
        table(['Field', 'Type', 'Default', 'Meaning'], fieldRows(object)),
      ].join('\n\n'),
    );
    for (const [name, property] of Object.entries(object.properties ?? {})) {
      if (resolved(property, definitions).properties) add(childTitle(title, name), property);
    }
    const services = object.properties?.['services']?.['additionalProperties'] as JsonSchema | undefined;
    if (services) add(code('services.<name>'), services);
  };
  add('The file', root);
  return page(
    'The stack file',
    'the contract (packages/contract/src/stack.ts)',
    'A stack file says what one or more servers are to run. `mainstay init` writes one to begin with, `mainstay validate` checks it, `mainstay plan` shows what it would change, `mainstay apply` makes it so, and `mainstay export` writes the file of a stack that is there.',
    'The same rules as a JSON Schema, for editors: [mainstay.schema.json](mainstay.schema.json), also `mainstay schema`. With the YAML language server, put this on the first line: `# yaml-language-server: $schema=…/mainstay.schema.json`.',
    `\`\`\`yaml\n${example}\`\`\``,
    ...sections,
    rules,
  );
}

function childTitle(parent: string, name: string): string {
  const path = parent.startsWith('`') ? `${parent.slice(1, -1)}.${name}` : name;
  return code(path);
}

const rules = `## Rules between services

- No two services share a \`route.prefix\` or a \`port\`, and none takes the port of the proxy or of the internal names.
- A name stands in \`env\` or in \`secrets\`, not in both.

## What a service is given

| Variable | Value |
| --- | --- |
| \`PORT\` | The port to listen on, on 127.0.0.1. |
| \`SERVICE_<NAME>_URL\` | Where each other service of the stack is found, such as \`SERVICE_API_URL\`. |
| \`DATA_DIR\` | A folder that outlives releases. |
| \`MAINSTAY_SERVICE\`, \`MAINSTAY_RELEASE\`, \`MAINSTAY_COMMIT\` | What runs: the service's name, the release's id, the full commit. |

These, and other names that begin with \`MAINSTAY_\`, cannot be set in \`env\` or \`secrets\`.

## Bounds of the file

At most 1 MiB, 50 stacks (\`---\` between them), ${limitsOfStack.services_max} services a stack, ${limitsOfStack.env_max} variables a service of ${limitsOfStack.env_value_bytes_max} characters each. Aliases may unfold at most 100 times; a key may stand once.`;
