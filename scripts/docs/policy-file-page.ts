/** docs/reference/policy-file.md, from the JSON Schemas of policy files and of their cases. */
import { inputJsonSchema, type JsonSchema } from '@mainstay/contract/json-schema';
import { limitsOfPolicies, PolicyCaseFile, PolicyFile } from '@mainstay/contract/policy';
import { code, fieldRows, page, resolved, table } from './markdown.ts';

export function policyFilePage(): string {
  return page(
    'Policy files',
    'the contract (packages/contract/src/policy.ts)',
    'What the keeper matches every proposal against. How to write them, and how rules combine: [the guide](../guides/policies.md). The same as a JSON Schema, for editors: [policy.schema.json](policy.schema.json).',
    ...sectionsOf('The file', inputJsonSchema(PolicyFile)),
    `## Bounds\n\nAt most ${limitsOfPolicies.files_max} files of ${limitsOfPolicies.file_bytes_max / 1024} KiB, ${limitsOfPolicies.rules_max} rules in all of them together.`,
    '# Files of cases\n\nWhat is proposed, and what is expected of the policies: YAML or JSON.',
    ...sectionsOf('The file of cases', inputJsonSchema(PolicyCaseFile)),
  );
}

/** One section for each object, in the order in which they are met. */
function sectionsOf(title: string, root: JsonSchema): string[] {
  const definitions = (root['$defs'] ?? {}) as Record<string, JsonSchema>;
  const sections: string[] = [];
  const add = (name: string, path: string, schema: JsonSchema) => {
    const object = resolved(schema, definitions);
    const lead = schema['description'] ?? object['description'];
    const head = [`## ${name}`, ...(lead ? [String(lead)] : [])];
    sections.push([...head, table(['Field', 'Type', 'Default', 'Meaning'], fieldRows(object))].join('\n\n'));
    for (const [field, property] of Object.entries(object.properties ?? {})) {
      const child = `${path}${field}`;
      const items = property['items'] as JsonSchema | undefined;
      if (resolved(property, definitions).properties) add(code(child), `${child}.`, property);
      else if (items && resolved(items, definitions).properties) add(code(`${child}[]`), `${child}[].`, items);
    }
  };
  add(title, '', root);
  return sections;
}
