/** Something has happened on an installation that runs the example: a deploy that failed, its repair, and a removal that waits. */
import type { OperationView } from '@mainstay/contract/operation';
import { until } from '../bench/installation.ts';
import type { Installation } from '../e2e/installation.ts';
import type { PageAddress } from './pages.ts';
import { clientOf, deployed_within_ms } from './stack.ts';

/** Makes it happen, and gives the pages of the operations and runs that it left. */
export async function makeHistory(at: Installation): Promise<PageAddress[]> {
  const client = clientOf(at);
  const ended = async ({ operation: { id } }: { operation: OperationView }, state: 'failed' | 'succeeded') => {
    let operation: OperationView | undefined;
    await until(
      async () => {
        operation = (await client['operations.get']({ id: id!, wait_seconds: 10 })).operation;
        return operation.state === state;
      },
      `an operation that has ${state}`,
      deployed_within_ms,
    );
    return operation!;
  };
  const { spec } = await client['stacks.get']({ stack: 'example' });
  const { clock, api, ...others } = spec.services;
  const broken = { ...spec, services: { ...spec.services, clock: { ...clock!, run: ['python3', 'clcok.py'] } } };
  const failed = await ended(await client['stacks.apply']({ stack: 'example', spec: broken }), 'failed');
  // A version that failed is not the base of the next: with the old specification there would be nothing to change.
  const greeting = { ...api!, env: { ...api!.env, GREETING: 'Good day from the API' } };
  const mended = { ...spec, services: { ...others, clock: clock!, api: greeting } };
  const succeeded = await ended(await client['stacks.apply']({ stack: 'example', spec: mended }), 'succeeded');
  await client['credentials.set_token']({ name: 'old-forge', token: 'forge-7d1f' });
  const { operation: waiting } = await client['credentials.remove']({ name: 'old-forge' });
  return [
    { name: 'operation-failed', path: `/operations/${failed.id}` },
    { name: 'operation-succeeded', path: `/operations/${succeeded.id}` },
    { name: 'operation-waiting', path: `/operations/${waiting.id}` },
    { name: 'run', path: `/runs/${succeeded.run_id}` },
    { name: 'run-list', path: `/runs/${succeeded.run_id}?view=list&step=observe` },
    { name: 'run-failed', path: `/runs/${failed.run_id}?step=observe` },
  ];
}
