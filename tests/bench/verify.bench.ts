/**
 * What it costs an agent to judge a desired state that it was offered: shape, digests, signature, target, expiry, nonce, plan.
 * The journal is a real one; what is written when a version is accepted is not part of it. Ends with 1 where the goal is missed.
 *
 * node tests/bench/verify.bench.ts
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgeDesiredState } from '@mainstay/agent/reconciler/acceptance';
import { openState } from '@mainstay/agent/state/state';
import { createStandInKeeper, signOffer } from '@mainstay/agent/testing/stand-in-keeper';
import { desiredServiceOf } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { pinKey } from '@mainstay/contract/key-changes';
import { ServiceSpec } from '@mainstay/contract/stack';
import { desiredState } from '@mainstay/contract/testing/desired-state';
import { summary } from './installation.ts';

const goal_ms = 1;
const warm_up = 300;
const judged = 2_000;

export type VerifyRow = { services: number; targets: number; bytes: number; p50_ms: number; p99_ms: number };

async function documentWith(services: number) {
  const named = Array.from({ length: services }, async (_, index) => {
    const name = `service-${index}`;
    const spec = ServiceSpec.parse({
      source: { git: `https://git.example.org/shop/${name}.git` },
      build: ['npm', 'ci'],
      run: ['node', 'server.mjs'],
      route: { prefix: `/${name}` },
      env: { LOG_LEVEL: 'info', REGION: 'eu-central', FEATURES: 'search,basket,recommendations' },
      secrets: ['DATABASE_URL', 'API_KEY'],
    });
    const resolved = {
      name,
      spec,
      commit: 'c'.repeat(40),
      credential_commitment: null,
      secret_commitments: { DATABASE_URL: 'a'.repeat(64), API_KEY: 'b'.repeat(64) },
      restarts_requested: 0,
    };
    return [name, await desiredServiceOf(resolved)] as const;
  });
  return desiredState({ services: Object.fromEntries(await Promise.all(named)) });
}

async function benchOne(services: number, targets: number): Promise<VerifyRow> {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-verify-'));
  const state = openState(home);
  try {
    const keeper = await createStandInKeeper();
    const aud = Array.from({ length: targets }, () => newId('server'));
    const response = await signOffer(keeper, await documentWith(services), { aud });
    const text = JSON.stringify(response);
    const options = { server_id: aud.at(-1)!, keeper: pinKey(keeper.key), desired: state.desired };
    const times: number[] = [];
    for (let round = -warm_up; round < judged; round++) {
      // A fresh object each time, as it comes from the wire.
      const offer = JSON.parse(text) as typeof response;
      const began_at = performance.now();
      const { kind } = await judgeDesiredState(offer, { ...options, now_ms: Date.now() });
      if (round >= 0) times.push(performance.now() - began_at);
      if (kind !== 'accepted') throw new Error(`the offer was ${kind}`);
    }
    const { median, p99 } = summary(times);
    return { services, targets, bytes: text.length, p50_ms: median, p99_ms: p99 };
  } finally {
    state.close();
    rmSync(home, { recursive: true, force: true });
  }
}

export async function benchVerify(): Promise<VerifyRow[]> {
  const rows: VerifyRow[] = [];
  for (const services of [1, 20]) for (const targets of [1, 50]) rows.push(await benchOne(services, targets));
  return rows;
}

export function printVerify(rows: readonly VerifyRow[]): void {
  console.log(`\nAn agent judges an offer (goal < ${goal_ms} ms in the median; ${judged} times each)`);
  for (const { services, targets, bytes, p50_ms, p99_ms } of rows) {
    const size = `${(bytes / 1024).toFixed(1)} KiB`.padStart(9);
    const of = `${String(services).padStart(3)} services, ${String(targets).padStart(3)} targets, ${size}`;
    console.log(
      `  ${of}: p50 ${p50_ms.toFixed(3)} ms, p99 ${p99_ms.toFixed(3)} ms${p50_ms < goal_ms ? '' : '  MISSED'}`,
    );
  }
  if (rows.some(({ p50_ms }) => p50_ms >= goal_ms)) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printVerify(await benchVerify());
