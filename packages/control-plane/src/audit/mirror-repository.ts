/**
 * The mirror's Git repository: bare, under `<home>/audit-mirror/`, written with plumbing, so that there is no work tree that
 * could be changed. Each commit is signed with the mirror's own Ed25519 key and names the entries that it brings. The newest
 * commit is the mirror's only cursor: what is committed is what was done, at whatever point the process was killed.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { createGit, type Exec, type GitOptions } from '@mainstay/runtime';
import { makeDeployKey } from '../secrets/deploy-key.ts';
import type { ChainedRow } from './audit-store.ts';
import { filesWith, type OpenFile } from './mirror-files.ts';

export const mirror_branch = 'refs/heads/main';
const principal = 'audit@mainstay';
const timeout_ms = 60_000;

/** The newest commit. */
export type MirrorTip = {
  commit: string;
  /** The last entry in it, and its hash. */
  seq: number;
  hash: string;
  at: number;
  file: OpenFile;
};

export type MirrorRepository = {
  /** Folder of the bare repository. */
  path: string;
  git: ReturnType<typeof createGit>;
  /** What remotes are reached with, and commits signed. */
  private_key(): string;
  /** The newest commit, its signature verified; null before the first. */
  tip(): Promise<MirrorTip | null>;
  /** Commits entries on top of a tip. @throws Error when another process committed meanwhile; then nothing was done. */
  append(tip: MirrorTip | null, rows: readonly ChainedRow[], header: string, at: number): Promise<MirrorTip>;
  /** Packs what was written one by one. */
  pack(): Promise<void>;
};

const readme = `# Audit mirror

Every entry of an installation's audit chain, one JSON line each, in files by the day. All commits are signed.

    git -c gpg.ssh.allowedSignersFile=ALLOWED_SIGNERS verify-commit HEAD
    mainstay audit verify --mirror .

ALLOWED_SIGNERS is the file \`audit-mirror/allowed_signers\` of the installation; keep a copy of it where the installation
cannot write.
`;

export async function openMirrorRepository(folder: string, exec: Exec): Promise<MirrorRepository> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'repository.git');
  const key = join(folder, 'signing-key');
  ensureKey(key, join(folder, 'allowed_signers'));
  const git = createGit({ folder: join(folder, 'git'), exec });
  const index = join(folder, 'index');
  // Of a process that was killed.
  rmSync(`${index}.lock`, { force: true });
  let indexed: string | null = null;

  const run = async (args: readonly string[], options: Partial<GitOptions> = {}) => {
    const where = existsSync(path) ? ['--git-dir', path] : [];
    const result = await git([...where, ...args], { timeout_ms, ...options });
    if (result.code === 0) return result.stdout;
    const why = result.error?.code === 'ENOENT' ? 'git is not installed' : result.stderr.trim().slice(-500);
    throw new AppError('Unavailable', `The audit mirror could not run git ${args[0]}: ${why || 'it was ended'}.`, {
      hint: `Check that git and ssh-keygen are installed, and that ${folder} can be written.`,
    });
  };

  const settings = join(folder, 'git-settings');
  writeWhole(settings, settingsOf(folder, key), 0o600);
  if (!existsSync(join(path, 'HEAD'))) await run(['init', '--quiet', '--bare', '--', path]);
  // In the repository's own configuration, so that git verifies its commits for people, too.
  if (!(await git(['--git-dir', path, 'config', 'include.path'], { timeout_ms })).stdout.trim())
    await run(['config', 'include.path', '../git-settings']);

  async function tip(): Promise<MirrorTip | null> {
    const found = await git(['--git-dir', path, 'rev-parse', '--verify', '--quiet', mirror_branch], { timeout_ms });
    const commit = found.stdout.trim();
    if (found.code !== 0 || commit === '') return null;
    await run(['verify-commit', commit]);
    const [at = '', ...message] = (await run(['log', '-1', '--format=%ct%n%B', commit])).split('\n');
    const trailer = (name: string) =>
      message.findLast((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
    const seq = Number(/^\d+-(\d+)$/.exec(trailer('Audit-Entries'))?.[1]);
    const file = trailer('Audit-File');
    if (!Number.isSafeInteger(seq) || file === '') {
      throw new AppError('Unavailable', `Commit ${commit} of the audit mirror is not one of Mainstay’s.`, {
        hint: `Move ${folder} away; a new mirror is made from what the chain still has.`,
      });
    }
    const content = await run(['cat-file', 'blob', `${commit}:${file}`]);
    return { commit, seq, hash: trailer('Audit-Head'), at: Number(at) * 1000, file: { path: file, content } };
  }

  return {
    path,
    git,
    private_key: () => readFileSync(key, 'utf8'),
    tip,
    async append(before, rows, header, at) {
      const files = filesWith(before?.file ?? null, rows);
      const written = before === null ? [...plain(header), ...files] : files;
      const env = { GIT_INDEX_FILE: index };
      if (indexed === null || indexed !== before?.commit) {
        await run(['read-tree', ...(before === null ? ['--empty'] : [before.commit])], { env });
      }
      let entries = '';
      for (const { path: name, content } of written) {
        const blob = (await run(['hash-object', '-w', '--stdin'], { stdin: content })).trim();
        entries += `100644 blob ${blob}\t${name}\n`;
      }
      indexed = null;
      await run(['update-index', '--add', '--index-info'], { env, stdin: entries });
      const tree = (await run(['write-tree'], { env })).trim();
      const [first, last, file] = [rows[0]!, rows.at(-1)!, files.at(-1)!];
      const message = `Audit ${first.seq} to ${last.seq}\n\nAudit-Entries: ${first.seq}-${last.seq}\nAudit-Head: ${last.hash}\nAudit-File: ${file.path}\n`;
      const date = `@${Math.floor(at / 1000)} +0000`;
      const commit = (
        await run(['commit-tree', '-S', ...(before ? ['-p', before.commit] : []), '-F', '-', tree], {
          stdin: message,
          env: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
        })
      ).trim();
      await run(['update-ref', mirror_branch, commit, before?.commit ?? '0'.repeat(40)]);
      indexed = commit;
      return { commit, seq: last.seq, hash: last.hash, at: Math.floor(at / 1000) * 1000, file };
    },
    async pack() {
      await run(['repack', '-d', '-q'], { timeout_ms: 600_000 });
    },
  };
}

const plain = (header: string): OpenFile[] => [
  { path: 'README.md', content: readme },
  { path: 'chain.json', content: header },
];

/** Configuration of git for the mirror. */
function settingsOf(folder: string, key: string): string {
  const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
  return [
    '[user]',
    '\tname = Mainstay audit',
    `\temail = ${principal}`,
    `\tsigningkey = ${quoted(key)}`,
    '[gpg]',
    '\tformat = ssh',
    '[gpg "ssh"]',
    `\tallowedSignersFile = ${quoted(join(folder, 'allowed_signers'))}`,
    // Objects are on the disk before the branch names them.
    '[core]',
    '\tfsync = committed,reference',
    '',
  ].join('\n');
}

/** The mirror's own key, made where there is none, and the file with which anybody checks its signatures. */
function ensureKey(path: string, allowed_signers: string): void {
  if (!existsSync(path)) {
    const made = makeDeployKey('mainstay-audit');
    writeWhole(`${path}.pub`, `${made.public_key}\n`, 0o644);
    writeWhole(path, made.private_key, 0o600);
  }
  const public_key = readFileSync(`${path}.pub`, 'utf8').trim();
  writeWhole(allowed_signers, `${principal} namespaces="git" ${public_key}\n`, 0o644);
}

function writeWhole(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}
