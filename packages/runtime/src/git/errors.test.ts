import { expect, test } from 'vitest';
import type { ExecResult } from '../exec.ts';
import { type GitCredential, scrub } from './credentials.ts';
import { explainGitFailure } from './errors.ts';

const deploy_key: GitCredential = { kind: 'deploy_key', private_key: 'x' };
const token: GitCredential = { kind: 'token', username: 'bot', token: 'a/secret' };

function explain(stderr: string, url: string, credential: GitCredential | null, killed: ExecResult['killed'] = null) {
  const result = { code: 128, signal: null, stdout: '', stderr, killed, error: null };
  return explainGitFailure(result, { url, credential, machine: 'the server', timeout_ms: 20_000 });
}

test('a host that asks for a credential, refuses one, or is asked with one of the wrong kind is told apart', () => {
  const denied = "fatal: could not read Username for 'https://host': terminal prompts disabled";
  expect(explain(denied, 'https://host/x', null).message).toMatch(/asks for credentials/);
  expect(explain(denied, 'https://host/x', token).message).toMatch(/refused the credential/);
  expect(explain(denied, 'https://host/x', deploy_key).message).toMatch(/only be used with an ssh URL/);
  expect(explain('git@host: Permission denied (publickey).', 'git@host:x', token).message).toMatch(/an https URL/);
});

test('a commit that the host does not give may be had another way, and a damaged copy be made anew', () => {
  expect(explain('fatal: remote error: upload-pack: not our ref 12', '/x', null).kind).toBe('absent');
  expect(explain('error: object file is empty\nfatal: loose object 12 is corrupt', '/x', null).kind).toBe('broken');
  expect(explain("fatal: '/x' does not appear to be a git repository", '/x', null).kind).toBe('final');
});

test('a path that is not there is told as one of the machine on which it was looked for', () => {
  const gone = "fatal: '/home/you/shop' does not appear to be a git repository";
  expect(explain(gone, '/home/you/shop', null).hint).toMatch(/on the server itself/);
  expect(explain('fatal: repository not found', 'https://host/x', null).hint).toMatch(/spelling of the URL/);
});

test('what took too long is told with its bound', () => {
  expect(explain('', 'https://host/x', null, 'timeout').message).toMatch(/https:\/\/host\/x took longer than 20 s/);
});

test('nothing of a credential is in a text', () => {
  const said = 'fatal: https://bot:a%2Fsecret@host, https://a/secret@host, a/secret, https://other@host/x, ghp_0123';
  expect(scrub(said, token)).not.toMatch(/secret[^\]]|other|ghp_/);
  expect(scrub('ssh://git@host/x', null)).toBe('ssh://git@host/x');
  const { message } = explain('error: Load: a/secret\nfatal: cannot do it with a/secret', 'https://host/x', token);
  expect(message).toMatch(/cannot do it with \[secret\]/);
});
