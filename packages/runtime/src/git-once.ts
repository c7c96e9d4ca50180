/**
 * Running git on URLs that people gave: only the protocols that Mainstay knows, no hooks, no configuration of the machine,
 * no prompt; credentials reach git through the environment and files of mode 0600, never through argv or a URL; and what
 * git says on failure becomes one clear sentence.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Exec, ExecResult } from './exec.ts';
import type { GitCredential } from './git/credentials.ts';

type GitOptions = {
  exec: Exec;
  cwd?: string;
  credential?: GitCredential | null;
  /** File in which host keys are remembered; a host is trusted at first use. */
  known_hosts?: string;
  timeout_ms?: number;
  signal?: AbortSignal;
};

type GitFailure = { message: string; hint: string | null };

const askpass = `#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$MAINSTAY_GIT_USERNAME" ;;
  *) printf '%s\\n' "$MAINSTAY_GIT_TOKEN" ;;
esac
`;

/** Environment in which git can do no more than it is asked to. */
function safeEnvironment(): Record<string, string> {
  return {
    GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: '4',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
    GIT_CONFIG_KEY_1: 'core.hooksPath',
    GIT_CONFIG_VALUE_1: '/dev/null',
    GIT_CONFIG_KEY_2: 'credential.helper',
    GIT_CONFIG_VALUE_2: '',
    GIT_CONFIG_KEY_3: 'gc.auto',
    GIT_CONFIG_VALUE_3: '0',
    LC_ALL: 'C',
  };
}

/** Runs git with the given arguments; whoever calls it puts `--` before what people gave. */
export async function git(args: readonly string[], options: GitOptions): Promise<ExecResult> {
  const { credential } = options;
  const folder = credential ? await mkdtemp(join(tmpdir(), 'mainstay-git-')) : null;
  try {
    const env = safeEnvironment();
    const ssh = ['ssh', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=accept-new', '-o', 'ConnectTimeout=15'];
    if (options.known_hosts) {
      mkdirSync(join(options.known_hosts, '..'), { recursive: true, mode: 0o700 });
      ssh.push('-o', `UserKnownHostsFile=${quoted(options.known_hosts)}`);
    }
    if (credential?.kind === 'deploy_key' && folder) {
      const key = join(folder, 'key');
      writeFileSync(key, credential.private_key, { mode: 0o600 });
      ssh.push('-o', 'IdentitiesOnly=yes', '-i', quoted(key));
    }
    if (credential?.kind === 'token' && folder) {
      const script = join(folder, 'askpass');
      writeFileSync(script, askpass, { mode: 0o700 });
      chmodSync(script, 0o700);
      env['GIT_ASKPASS'] = script;
      env['MAINSTAY_GIT_USERNAME'] = credential.username;
      env['MAINSTAY_GIT_TOKEN'] = credential.token;
    }
    env['GIT_SSH_COMMAND'] = ssh.join(' ');
    return await options.exec(['git', ...args], {
      ...(options.cwd ? { cwd: options.cwd } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
      env,
      timeout_ms: options.timeout_ms ?? 30_000,
      output_bytes_max: 4 * 1024 * 1024,
    });
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
}

/** For GIT_SSH_COMMAND, which git gives to a shell: paths of our own making, quoted all the same. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`;
}

/** What git's failure means to a person; nothing that could hold a credential is passed on. */
export function explainGit(result: ExecResult, url: string): GitFailure {
  const said = result.stderr;
  const is = (pattern: RegExp) => pattern.test(said);
  if (result.error?.code === 'ENOENT')
    return { message: 'git is not installed on this machine.', hint: 'Install git.' };
  if (result.killed === 'timeout') {
    return {
      message: `${url} did not answer in time.`,
      hint: 'Check the address, and that this machine can reach it.',
    };
  }
  if (result.killed === 'aborted') return { message: `Reading ${url} was cancelled.`, hint: null };
  if (is(/Could not resolve host|Name or service not known|Temporary failure in name resolution/i)) {
    return {
      message: `The host of ${url} cannot be found.`,
      hint: 'Check the spelling of the URL, and the DNS of this machine.',
    };
  }
  if (is(/Connection refused|Connection timed out|No route to host|Failed to connect|Network is unreachable/i)) {
    return {
      message: `${url} cannot be reached.`,
      hint: 'Check the address and port, and that this machine can reach it.',
    };
  }
  if (
    is(
      /Authentication failed|could not read Username|could not read Password|Permission denied \(publickey|terminal prompts disabled|HTTP 40[13]|returned error: 40[13]/i,
    )
  ) {
    return {
      message: `${url} asks for a credential, or refuses the one it was given.`,
      hint: 'Create a deploy key or token, put it into the Git host, and name it as `credential` of the service.',
    };
  }
  if (is(/Host key verification failed/i)) {
    return {
      message: `The host key of ${url} is not the one that was seen before.`,
      hint: 'If the host really changed its key, remove it from the known_hosts file.',
    };
  }
  if (
    is(
      /couldn't find remote ref|not our ref|unadvertised object|bad object|did not send all necessary|no such remote ref|invalid refspec|reference is not a tree/i,
    )
  ) {
    return {
      message: `The commit or ref is not in ${url}.`,
      hint: 'Check that it was pushed, and that the ref is spelled as there.',
    };
  }
  if (is(/No space left on device|disk quota exceeded/i))
    return { message: 'The disk is full.', hint: 'Free some space and deploy again.' };
  if (is(/transport '.*' not allowed/i))
    return { message: `${url} uses a protocol that is not allowed.`, hint: 'Use https, ssh, git or file.' };
  if (is(/not found|does not exist|does not appear to be a git repository|not a git repository|repository .* not/i)) {
    return {
      message: `There is no Git repository at ${url}.`,
      hint: 'Check the URL; a private repository also needs a `credential`.',
    };
  }
  return { message: `git could not read ${url} (exit ${result.code ?? result.signal}).`, hint: lastLine(said) };
}

function lastLine(text: string): string | null {
  const line = text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  // A URL in git's words might carry what a person put into it.
  return line === '' ? null : `git says: ${line.replaceAll(/\/\/[^\s/@]+@/g, '//')}`;
}
