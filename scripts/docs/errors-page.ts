/** docs/reference/errors.md: what each error code means, in every interface. */
import { exitCodeOfError } from '@mainstay/cli';
import { type ErrorCode, errorCodes, isRetryable } from '@mainstay/contract/errors';
import { httpStatus } from '@mainstay/contract/openapi';
import { code, page, table } from './markdown.ts';

export function errorsPage(): string {
  const rows = (Object.keys(errorCodes) as ErrorCode[]).map((name) => [
    code(name),
    errorCodes[name],
    String(httpStatus[name]),
    String(exitCodeOfError[name]),
    isRetryable(name) ? 'yes' : 'no',
  ]);
  return page(
    'Errors',
    'the contract (packages/contract/src/errors.ts)',
    'Every interface gives the same error: over HTTP as the body of the answer, from the CLI on stderr (with `--json` the same body), from MCP as the text of a result that is an error.',
    table(['Code', 'Meaning', 'HTTP status', 'Exit code', 'May succeed when repeated'], rows),
    '```json\n{\n  "code": "NotFound",\n  "message": "There is no stack \\"shop\\".",\n  "hint": "`mainstay stacks` lists those that there are.",\n  "field": "stack",\n  "correlation_id": "0192f0c1-…"\n}\n```',
    '`field` is the path of the input field at fault, with dots between names. `hint` says what to do next. `correlation_id` finds the request in the log of the control plane.',
  );
}
