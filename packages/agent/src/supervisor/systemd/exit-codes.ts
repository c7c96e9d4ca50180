/**
 * What systemd could not set up before a program was run: it ends the first process with a code from 200 on (systemd.exec(5), "Process Exit
 * Codes"; the names are those of `systemd-analyze exit-status`). A program may end with such a code of its own; systemd keeps no difference.
 */

const names: Readonly<Record<number, string>> = {
  200: 'CHDIR',
  201: 'NICE',
  202: 'FDS',
  203: 'EXEC',
  204: 'MEMORY',
  205: 'LIMITS',
  206: 'OOM_ADJUST',
  207: 'SIGNAL_MASK',
  208: 'STDIN',
  209: 'STDOUT',
  210: 'CHROOT',
  211: 'IOPRIO',
  212: 'TIMERSLACK',
  213: 'SECUREBITS',
  214: 'SETSCHEDULER',
  215: 'CPUAFFINITY',
  216: 'GROUP',
  217: 'USER',
  218: 'CAPABILITIES',
  219: 'CGROUP',
  220: 'SETSID',
  221: 'CONFIRM',
  222: 'STDERR',
  224: 'PAM',
  225: 'NETWORK',
  226: 'NAMESPACE',
  227: 'NO_NEW_PRIVILEGES',
  228: 'SECCOMP',
  229: 'SELINUX_CONTEXT',
  230: 'PERSONALITY',
  231: 'APPARMOR',
  232: 'ADDRESS_FAMILIES',
  233: 'RUNTIME_DIRECTORY',
  235: 'CHOWN',
  236: 'SMACK_PROCESS_LABEL',
  237: 'KEYRING',
  238: 'STATE_DIRECTORY',
  239: 'CACHE_DIRECTORY',
  240: 'LOGS_DIRECTORY',
  241: 'CONFIGURATION_DIRECTORY',
  242: 'NUMA_POLICY',
  243: 'CREDENTIALS',
  244: 'BPF',
};

type Words = { what: string; hint: string };
const sandbox_hint =
  'The kernel or the container that the server is refuses a part of the sandbox; the journal of the server names it.';
const words: Readonly<Record<string, Words>> = {
  CHDIR: {
    what: 'the folder that it runs in is not there, or closed to its user',
    hint: 'Check `source.root`. If the folder was removed on the server, deploy again: it is fetched anew.',
  },
  EXEC: {
    what: 'the program is not there, or may not be run',
    hint: 'Install the program on the server, or give its file the right to be run (`git update-index --chmod=+x`).',
  },
  MEMORY: { what: 'there was not enough memory', hint: 'Free memory on the server, and deploy again.' },
  GROUP: {
    what: 'the group of its user is not known',
    hint: 'Deploy again: the agent makes the user anew. If that fails, look at /etc/group on the server.',
  },
  USER: {
    what: 'its user is not known',
    hint: 'Deploy again: the agent makes the user anew. If that fails, look at /etc/passwd on the server.',
  },
  CGROUP: {
    what: 'its limits could not be set',
    hint: 'See whether the server has cgroups: ls /sys/fs/cgroup. In a container it has to be given them.',
  },
  NAMESPACE: {
    what: 'its view of the file system could not be set up',
    hint: 'A folder that it is given is missing, or the container that the server is forbids mounts; the journal of the server names which.',
  },
  NETWORK: { what: 'its network could not be set up', hint: sandbox_hint },
  CAPABILITIES: { what: 'its capabilities could not be taken away', hint: sandbox_hint },
  SECCOMP: { what: 'its system calls could not be restricted', hint: sandbox_hint },
  APPARMOR: { what: 'its AppArmor profile could not be set', hint: sandbox_hint },
  ADDRESS_FAMILIES: { what: 'its kinds of sockets could not be restricted', hint: sandbox_hint },
};

export type SetupFailure = {
  /** As `systemctl status` has it, such as `226/NAMESPACE`. */
  step: string;
  what: string;
  hint: string;
};

/** Null for a code by which systemd says nothing. `unit`: where its journal is looked for. */
export function setupFailure(code: number, unit: string): SetupFailure | null {
  const name = names[code];
  if (name === undefined) return null;
  const { what, hint } = words[name] ?? { what: 'its surroundings could not be set up', hint: sandbox_hint };
  return { step: `${code}/${name}`, what, hint: `${hint} On the server: journalctl -u ${unit}` };
}
