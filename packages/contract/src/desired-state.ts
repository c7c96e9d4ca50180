/**
 * The desired state: one document per stack and version, all that an agent needs to run it but the values of secrets.
 * Its identity is the SHA-256 over its canonical JSON (RFC 8785); the keeper signs that digest, and an agent applies no
 * document without such a signature. Commits are exact, so that all servers run identical code; secrets and credentials
 * stand in it as commitments, so that their values cannot be exchanged either.
 */
import * as z from 'zod';
import { digestOf } from './canonical.ts';
import { idSchema } from './ids.ts';
import {
  Command,
  CredentialName,
  DnsName,
  EnvName,
  GitRef,
  GitUrl,
  HealthCheck,
  Limits,
  RootDirectory,
  Route,
  SecurityMode,
  type ServiceSpec,
  targets_max,
} from './stack.ts';

export const Digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
/** A Git object name: SHA-1 or SHA-256. */
export const CommitSha = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a full commit id');
export const ReleaseId = z.string().regex(/^rel_[0-9a-f]{24}$/);
export const BuildId = z.string().regex(/^bld_[0-9a-f]{24}$/);

export const DesiredService = z.strictObject({
  release_id: ReleaseId,
  build_id: BuildId,
  source: z.strictObject({
    git: GitUrl,
    ref: GitRef,
    commit: CommitSha,
    root: RootDirectory,
    credential: z.strictObject({ name: CredentialName, commitment: Digest }).nullable(),
  }),
  build: Command.nullable(),
  run: Command,
  port: z.int().nullable(),
  route: Route.nullable(),
  env: z.record(EnvName, z.string()),
  /** Name of the variable → commitment to its value. */
  secrets: z.record(EnvName, Digest),
  health: HealthCheck,
  replicas: z.literal(1),
  limits: Limits,
  drain_timeout_seconds: z.int(),
  stop_timeout_seconds: z.int(),
  /** Counts restarts that were asked for; a new number makes a new release of the same build. */
  restarts_requested: z.int().min(0),
});
export type DesiredService = z.infer<typeof DesiredService>;

export const DesiredState = z
  .strictObject({
    schema: z.literal(1),
    stack_id: idSchema('stack'),
    stack: DnsName,
    version: z.int().min(1),
    poll_interval_seconds: z.int(),
    proxy: z.strictObject({ port: z.int(), bind: z.enum(['loopback', 'public']) }),
    names: z.strictObject({ domain: z.string(), port: z.int() }),
    security_mode: SecurityMode,
    services: z.record(DnsName, DesiredService),
    /** The servers that it is for, where its stack chooses them; one that runs the stack and is not among them stops it, and keeps its data. */
    targets: z.array(idSchema('server')).min(1).max(targets_max).optional(),
    /** Set when the stack is taken off: services are stopped, and their data kept unless this says otherwise. */
    removed: z.strictObject({ delete_data: z.boolean() }).nullable(),
  })
  .meta({ id: 'DesiredState' });
export type DesiredState = z.infer<typeof DesiredState>;

export async function desiredStateDigest(document: DesiredState): Promise<string> {
  return digestOf(document);
}

export type ResolvedService = {
  name: string;
  spec: ServiceSpec;
  commit: string;
  credential_commitment: string | null;
  secret_commitments: Record<string, string>;
  restarts_requested: number;
};

/**
 * The desired service for a specification whose refs and secrets are resolved. Its ids come from its content: the same
 * build inputs give the same build (nothing is built twice), the same build and configuration the same release.
 */
export async function desiredServiceOf(resolved: ResolvedService): Promise<DesiredService> {
  const { spec } = resolved;
  const { source, health, limits } = spec;
  const build = spec.build ?? null;
  // Where nothing is built, variables cannot change what is on disk.
  const build_inputs = {
    service: resolved.name,
    git: source.git,
    commit: resolved.commit,
    root: source.root,
    build,
    env: build === null ? {} : spec.env,
    secrets: build === null ? {} : resolved.secret_commitments,
  };
  const build_id = `bld_${(await digestOf(build_inputs)).slice(0, 24)}`;
  const runtime = {
    build_id,
    service: resolved.name,
    run: spec.run,
    port: spec.port ?? null,
    env: spec.env,
    secrets: resolved.secret_commitments,
    memory_mb: limits.memory_mb ?? null,
    processes: limits.processes,
    ...(limits.cpu_percent === undefined ? {} : { cpu_percent: limits.cpu_percent }),
    restarts_requested: resolved.restarts_requested,
  };
  return {
    release_id: `rel_${(await digestOf(runtime)).slice(0, 24)}`,
    build_id,
    source: {
      git: source.git,
      ref: source.ref,
      commit: resolved.commit,
      root: source.root,
      credential:
        source.credential === undefined || resolved.credential_commitment === null
          ? null
          : { name: source.credential, commitment: resolved.credential_commitment },
    },
    build,
    run: spec.run,
    port: spec.port ?? null,
    route: spec.route ?? null,
    env: spec.env,
    secrets: resolved.secret_commitments,
    health,
    replicas: 1,
    limits,
    drain_timeout_seconds: spec.drain_timeout_seconds,
    stop_timeout_seconds: spec.stop_timeout_seconds,
    restarts_requested: resolved.restarts_requested,
  };
}
