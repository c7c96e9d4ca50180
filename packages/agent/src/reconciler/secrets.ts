/**
 * Values of secrets by commitment: from the cache, else from the control plane. A value is taken only when it fits its
 * commitment, which stands in the signed document, so that nobody on the way can exchange one.
 */
import { commitmentOf } from '@mainstay/contract/canonical';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import type { GitCredential } from '@mainstay/runtime/git';
import { createBackoff } from '../link/backoff.ts';
import type { Context } from './context.ts';

export type Secrets = {
  /** The values, all of them. Throws AppError when the control plane does not give them in time. */
  resolve(commitments: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
  credential(source: DesiredService['source'], signal: AbortSignal): Promise<GitCredential | null>;
};

type Needs = Pick<Context, 'state' | 'clock' | 'fetchSecrets' | 'settings'>;

export function createSecrets({ state, clock, fetchSecrets, settings }: Needs): Secrets {
  const fetchMissing = async (missing: string[], signal: AbortSignal) => {
    const until = clock.now() + settings.secrets_wait_ms;
    const backoff = createBackoff({ max_ms: 5_000 });
    for (;;) {
      try {
        return await fetchSecrets(missing, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (clock.now() > until) {
          throw new AppError('Unavailable', `The secrets could not be fetched: ${(error as Error).message}`, {
            hint: 'Check that the control plane can be reached from this server, and deploy again.',
            cause: error,
          });
        }
        await clock.sleep(backoff.next(), signal);
        signal.throwIfAborted();
      }
    }
  };

  const resolve: Secrets['resolve'] = async (commitments, signal) => {
    const values = new Map<string, string>();
    const missing: string[] = [];
    for (const commitment of new Set(commitments)) {
      const value = state.secrets.get(commitment);
      if (value === null) missing.push(commitment);
      else values.set(commitment, value);
    }
    if (missing.length === 0) return values;
    const fetched = await fetchMissing(missing, signal);
    const fresh = new Map<string, string>();
    for (const commitment of missing) {
      const secret = fetched[commitment];
      if (!secret) {
        throw new AppError('NotFound', 'The control plane does not have a secret that this version names.', {
          hint: 'Set the secret again, and deploy.',
        });
      }
      if ((await commitmentOf(secret.key, secret.value)) !== commitment) {
        throw new AppError('Forbidden', 'A secret that the control plane gave is not the one that was signed for.', {
          hint: 'The value was changed after it was signed. Set the secret again, and deploy.',
        });
      }
      fresh.set(commitment, secret.value);
    }
    state.secrets.put(fresh);
    for (const [commitment, value] of fresh) values.set(commitment, value);
    return values;
  };

  return {
    resolve,
    async credential(source, signal) {
      if (!source.credential) return null;
      const values = await resolve([source.credential.commitment], signal);
      return parseCredential(values.get(source.credential.commitment) ?? '', source.credential.name);
    },
  };
}

/** The value behind a credential's commitment: JSON of a GitCredential. */
function parseCredential(text: string, name: string): GitCredential {
  try {
    const parsed = JSON.parse(text) as Record<string, unknown>;
    const { kind, private_key, username, token } = parsed;
    if (kind === 'deploy_key' && typeof private_key === 'string') return { kind, private_key };
    if (kind === 'token' && typeof username === 'string' && typeof token === 'string') return { kind, username, token };
  } catch {
    // Told below, without the text.
  }
  throw new AppError('InvalidInput', `Credential "${name}" is not of a kind that this agent knows.`, {
    hint: 'Set it again in the control plane.',
  });
}
