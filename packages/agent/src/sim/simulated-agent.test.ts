import { HeartbeatRequest } from '@mainstay/contract/agent-api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLab, type Lab, until } from '../testing/lab.ts';
import { createStandInKeeper } from '../testing/stand-in-keeper.ts';
import { createSimulatedAgent, type SimulatedAgent } from './simulated-agent.ts';

let lab: Lab;
let agent: SimulatedAgent;
beforeEach(async () => {
  lab = await createLab();
  agent = createSimulatedAgent({ url: lab.control.url, token: lab.control.token, heartbeat_interval_ms: 50 });
  await agent.start();
});
afterEach(async () => {
  await agent.stop();
  await lab.close();
});

test('a simulated agent tells of services as a real one would, and takes up at once what is desired', async () => {
  const idle = await until(() => lab.control.state(), 'a heartbeat');
  expect(HeartbeatRequest.parse({ sent_at: 0, state: idle }).state.facts.supervisor).toBe('simulated');
  expect(Object.keys(idle.services)).toHaveLength(5);
  const web = await lab.service('web', '0'.repeat(40), { route: { prefix: '/' } });
  await lab.control.offer(lab.document(1, { web }));
  const state = await until(
    () => (lab.control.state()?.receipt?.version === 1 ? lab.control.state() : null),
    'its receipt',
  );
  expect(state).toMatchObject({
    accepted_version: 1,
    receipt: { state: 'succeeded' },
    services: { web: { state: 'running' } },
  });
  expect(agent.counts.accepted).toBe(1);
});

test('a simulated agent refuses what its keeper did not sign', async () => {
  const document = lab.document(1, {});
  const { sha256, ...signed } = await lab.control.sign(document);
  const stranger = await createStandInKeeper();
  const action = { kind: 'desired_state', stack_id: lab.stack_id, version: 1, sha256 } as const;
  const grant = await stranger.sign(action, { aud: [lab.control.server_id] });
  lab.control.offerRaw({ ...signed, sha256, grant });
  await until(() => lab.control.state()?.refusal?.reason === 'unknown_key', 'the refusal');
  expect(agent.counts).toMatchObject({ accepted: 0, refused: 1 });
});
