/** Git repositories with small services, for the browser tests: real commits, each a version that can be told apart. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Repository = {
  path: string;
  /** Writes files and commits them; gives the SHA. */
  commit(subject: string, files: Record<string, string>): string;
  tag(name: string): void;
  branch(name: string): void;
};

export function makeRepository(path: string): Repository {
  mkdirSync(path, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  git('init', '--quiet', '-b', 'main');
  return {
    path,
    commit(subject, files) {
      for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true });
        writeFileSync(join(path, name), text);
      }
      git('add', '-A');
      git('commit', '--quiet', '--allow-empty', '-m', subject);
      return git('rev-parse', 'HEAD');
    },
    tag: (name) => void git('tag', name),
    branch: (name) => void git('branch', name),
  };
}

/** A service that answers with a text, and writes it to its log when it starts. */
export function serviceProgram(text: string): string {
  return `import { createServer } from 'node:http';
const server = createServer((request, response) => response.end(${JSON.stringify(text)}));
server.listen(process.env.PORT, '127.0.0.1', () => console.log('serving ' + ${JSON.stringify(text)}));
process.once('SIGTERM', () => server.close(() => process.exit(0)));
`;
}

/** A service that ends at once, after it has said why. */
export const crashingProgram = `console.error('FATAL: the database is not there');
process.exit(3);
`;

/** Files of a Node service whose kind can be seen in the repository. */
export function nodeService(text: string): Record<string, string> {
  return {
    'package.json': JSON.stringify({
      name: 'shop',
      private: true,
      type: 'module',
      scripts: { start: 'node server.mjs' },
    }),
    'server.mjs': serviceProgram(text),
  };
}
