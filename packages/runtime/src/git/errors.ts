/** What git prints when it fails, as one sentence and a hint for a person, with nothing of a credential in it. */
import type { ExecResult } from '../exec.ts';
import { explainMisfit, type GitCredential, type GitRemote, scrub, transportOf } from './credentials.ts';

export type GitFailure = {
  kind: 'absent' | 'broken' | 'final';
  message: string;
  hint: string | null;
};

export type GitAttempt = GitRemote & {
  /** Where git ran, such as "the server". */
  machine: string;
  timeout_ms: number;
  /** The commit or ref that was asked for, where it was a certain one. */
  wanted?: string;
};

/**
 * Explains a failed fetch. `absent`: the host did not give what was wanted by its name, another way may. `broken`: the copy
 * kept here is at fault, a fresh one may do.
 */
export function explainGitFailure(result: ExecResult, attempt: GitAttempt): GitFailure {
  const { url, credential, machine } = attempt;
  const where = scrub(url, credential);
  const text = result.stderr;
  const final = (message: string, hint: string | null): GitFailure => ({ kind: 'final', message, hint });
  if (result.error?.code === 'ENOENT')
    return final(`Git is not installed on ${machine}.`, 'Install it (`apt install git`).');
  if (result.killed === 'aborted') return final(`Reading ${where} was ended, because it is no longer wanted.`, null);
  if (result.killed === 'timeout') {
    return final(
      `Reading ${where} took longer than ${attempt.timeout_ms / 1000} s and was ended.`,
      `Check that ${machine} reaches the repository, and that it is not larger than the line allows.`,
    );
  }
  const matches = (pattern: RegExp) => pattern.test(text);
  if (matches(/No space left on device|Disk quota exceeded/i)) {
    return final(`The disk is full: ${where} could not be fetched.`, `Free disk space on ${machine}, and try again.`);
  }
  if (matches(/Could not resolve host|Temporary failure in name resolution|Name or service not known/i)) {
    return final(
      `The host name of ${where} cannot be resolved.`,
      `Check the spelling of the URL, and the DNS of ${machine}.`,
    );
  }
  if (matches(/ssh: not found|cannot run ssh/i)) {
    return final(
      `The SSH client is not installed on ${machine}.`,
      'Install it (`apt install openssh-client`), or use an https URL.',
    );
  }
  if (matches(/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/i)) {
    return final(
      `The SSH host key of ${where} is not the one that was seen before.`,
      `If the host was really replaced, remove its line from git/known_hosts in Mainstay's home on ${machine}.`,
    );
  }
  if (matches(/invalid format|error in libcrypto|Load key .*: /i)) {
    return final('The private key of the credential cannot be read.', 'Create the deploy key again.');
  }
  const denied =
    /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied|returned error: 40[13]|unable to read askpass/i;
  if (matches(denied) && transportOf(url) !== 'other') {
    const misfit = explainMisfit(attempt);
    if (misfit) return final(misfit.message, misfit.hint);
    return final(
      credential === null ? `${where} asks for credentials.` : `${where} refused the credential.`,
      credential === null
        ? 'Create a credential, and name it as `credential`; check the URL, too, since hosts also ask this for what does not exist.'
        : transportOf(url) === 'ssh'
          ? 'Check that the deploy key is registered with the repository, and may read it.'
          : 'Check that the token is valid, has not expired and may read this repository, and that the user name is right.',
    );
  }
  if (
    matches(
      /not our ref|unadvertised object|did not send all necessary|couldn't find remote ref|no such remote ref|does not support shallow|no matching remote head|unable to find remote/i,
    )
  ) {
    return {
      kind: 'absent',
      message: `${attempt.wanted ?? 'The commit or ref'} is not in ${where}.`,
      hint: 'Check that it was pushed; after a forced push, deploy again, so that the ref is looked up anew.',
    };
  }
  if (
    matches(
      /repository .*(not found|does not exist)|does not appear to be a git repository|returned error: 404|not found: did you run|No such file or directory[\s\S]*Could not read from remote/i,
    )
  ) {
    return final(
      `${where} is not there, or is no Git repository.`,
      /^(\/|file:)/.test(url)
        ? `A path is looked for on ${machine} itself. Give a URL that it reaches, such as one of https or ssh.`
        : 'Check the spelling of the URL; private repositories need a `credential`.',
    );
  }
  if (matches(/transport '.*' not allowed/i)) {
    return final(`The protocol of ${where} is not allowed.`, 'Use https, http, ssh, git or file.');
  }
  if (
    matches(
      /Connection refused|Connection timed out|Failed to connect|No route to host|Network is unreachable|Connection reset|remote end hung up|early EOF|SSL|certificate|gnutls|RPC failed|returned error: 5\d\d/i,
    )
  ) {
    return final(
      `${where} cannot be reached: ${lastLine(text, credential)}`,
      `Check the network of ${machine}, and the host.`,
    );
  }
  if (
    matches(
      /\.lock'?: File exists|not a git repository|bad object|corrupt|loose object|missing (blob|tree|commit)|pack .*(invalid|cannot)|unable to (read|create|write|open)|bad config|shallow file/i,
    )
  ) {
    return { kind: 'broken', message: `${where} could not be fetched: ${lastLine(text, credential)}`, hint: null };
  }
  return final(
    `${where} could not be fetched: ${lastLine(text, credential)}`,
    'Check that the URL is that of a Git repository.',
  );
}

const generic = /Could not read from remote repository|Please make sure you have|and the repository exists/;

/** The line that says most: the last one of git's own. */
function lastLine(text: string, credential: GitCredential | null): string {
  const lines = text.split('\n').map((line) => line.trim());
  const telling = lines.filter((line) => line !== '' && !generic.test(line));
  const line = telling.findLast((line) => /^(fatal|error|ssh|remote):/.test(line)) ?? telling.at(-1);
  return scrub((line ?? 'git said nothing').replace(/^(fatal|error): /, ''), credential).slice(0, 500);
}
