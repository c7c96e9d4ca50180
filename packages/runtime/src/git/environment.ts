/**
 * The environment that git runs in: only what is written here. No configuration of the machine or of a person, no hooks, no
 * helper protocols, no prompts, no keys but those given. Secrets reach git through its environment (a token, asked for by
 * the askpass script, which answers the host of the URL only) or a file of mode 0600 (a deploy key), never through argv or
 * a URL. The scripts are constant texts: nothing of an input ever becomes a part of a command line.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GitRemote, transportOf } from './credentials.ts';

const config = `[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tsymlinks = true
\tautocrlf = false
\tfsmonitor = false
[protocol "ext"]
\tallow = never
[protocol "fd"]
\tallow = never
[gc]
\tauto = 0
[maintenance]
\tauto = false
[submodule]
\trecurse = false
[http]
\tlowSpeedLimit = 1
\tlowSpeedTime = 60
[init]
\tdefaultBranch = main
`;

/** Git asks "Username for 'https://host': " and "Password for 'https://user@host': "; after a redirect it names the other host. */
const askpass = `#!/bin/sh
case "$1" in
"Username for '$MAINSTAY_GIT_SCHEME://$MAINSTAY_GIT_HOST'"*) printf '%s\\n' "$MAINSTAY_GIT_USERNAME" ;;
"Password for '$MAINSTAY_GIT_SCHEME://"*"@$MAINSTAY_GIT_HOST'"*) printf '%s\\n' "$MAINSTAY_GIT_TOKEN" ;;
*) exit 1 ;;
esac
`;

const ssh = `#!/bin/sh
exec ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o "IdentityFile=\\"$MAINSTAY_GIT_KEY\\"" \\
  -o StrictHostKeyChecking=accept-new -o "UserKnownHostsFile=\\"$MAINSTAY_GIT_KNOWN_HOSTS\\"" \\
  -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ForwardAgent=no "$@"
`;

/** Of the program's own environment, what tells how the outside is reached. */
const network_names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY', 'GIT_SSL_CAINFO'];

export type GitEnvironment = {
  /** Variables for a git that needs no network. */
  readonly local: Record<string, string>;
  /** Runs something with the variables for reaching a remote; what was made for it is removed afterwards. */
  withAccess<T>(remote: GitRemote, run: (env: Record<string, string>) => Promise<T>): Promise<T>;
};

/** Makes the folder of git's own files: configuration, scripts, the host keys that were seen, keys while they are in use. */
export function createGitEnvironment(folder: string): GitEnvironment {
  const keys = join(folder, 'keys');
  // A crash may have left keys.
  rmSync(keys, { recursive: true, force: true });
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  const files = { config: join(folder, 'config'), askpass: join(folder, 'askpass'), ssh: join(folder, 'ssh') };
  writeFileSync(files.config, config, { mode: 0o600 });
  writeFileSync(files.askpass, askpass, { mode: 0o700 });
  writeFileSync(files.ssh, ssh, { mode: 0o700 });

  const local: Record<string, string> = {
    HOME: folder,
    LC_ALL: 'C',
    GIT_CONFIG_GLOBAL: files.config,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
  };
  for (const name of network_names) {
    for (const spelling of [name, name.toLowerCase()]) {
      const value = process.env[spelling];
      if (value !== undefined) local[spelling] = value;
    }
  }

  return {
    local,
    async withAccess({ url, credential }, run) {
      const env: Record<string, string> = {
        ...local,
        GIT_SSH: files.ssh,
        GIT_SSH_VARIANT: 'ssh',
        MAINSTAY_GIT_KEY: 'none',
        MAINSTAY_GIT_KNOWN_HOSTS: join(folder, 'known_hosts'),
      };
      const transport = transportOf(url);
      if (credential?.kind === 'token' && transport === 'http') {
        const { protocol, host } = new URL(url);
        return run({
          ...env,
          GIT_ASKPASS: files.askpass,
          MAINSTAY_GIT_USERNAME: credential.username,
          MAINSTAY_GIT_TOKEN: credential.token,
          MAINSTAY_GIT_SCHEME: protocol.replace(/:$/, ''),
          MAINSTAY_GIT_HOST: host,
        });
      }
      // What cannot be of use for the URL is not given.
      if (credential?.kind !== 'deploy_key' || transport !== 'ssh') return run(env);
      const key = join(keys, randomUUID());
      try {
        writeFileSync(key, `${credential.private_key.trimEnd()}\n`, { mode: 0o600, flag: 'wx' });
        return await run({ ...env, MAINSTAY_GIT_KEY: key });
      } finally {
        rmSync(key, { force: true });
      }
    },
  };
}
