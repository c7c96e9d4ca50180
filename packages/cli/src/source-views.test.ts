import { inspectSource, listSourceRefs } from '@mainstay/contract/operations/sources';
import { expect, it } from 'vitest';
import { noPaint } from './terminal/paint.ts';
import { viewLines } from './views.ts';

const commit = 'a'.repeat(40);
const options = { paint: noPaint, width: null, now: 120_000 };

const seen = inspectSource.output.parse({
  ref: 'main',
  commit,
  commit_subject: 'Sell \u001b[31mmore',
  commit_author: 'Ada',
  commit_at: 60_000,
  stack_file: { path: 'mainstay.yaml', yaml: '', stack: null, spec: null, error: 'services: missing' },
  proposals: [
    {
      name: 'api',
      root: 'apps/api',
      kind: 'node',
      title: 'Node.js (npm)',
      build: { value: 'npm ci', reason: 'package-lock.json pins the dependencies.' },
      run: { value: ['node', 'a b.js'], reason: 'There is a b.js.' },
      port: { value: null, reason: 'a b.js reads PORT.' },
      health: { value: null, reason: 'No path was found.' },
      route: { prefix: '/api', strip: true, reason: 'By its name.' },
      env: [{ name: 'API_KEY', reason: '.env.example names it.', secret: true, example: null }],
      notes: ['There is no lock file.'],
    },
  ],
  notes: ['There is a Dockerfile.'],
});

it('a look at a repository shows what is proposed, and every reason', () => {
  expect(viewLines('sources.inspect', seen, options)).toEqual([
    'main at aaaaaaaa: Sell \\x1b[31mmore (Ada, 1 min ago)',
    'The repository holds mainstay.yaml. It is not acceptable: services: missing',
    '',
    'SERVICE  FOLDER    WHAT           BUILD   RUN            PORT   HEALTH  ROUTE',
    'api      apps/api  Node.js (npm)  npm ci  node "a b.js"  $PORT  tcp     /api',
    '',
    'api',
    '  build: package-lock.json pins the dependencies.',
    '  run: There is a b.js.',
    '  port: a b.js reads PORT.',
    '  health: No path was found.',
    '  route: By its name.',
    '  secret API_KEY: .env.example names it.',
    '  ! There is no lock file.',
    '',
    '! There is a Dockerfile.',
  ]);
});

it('refs are listed with their kind, and it is said when there are more', () => {
  const refs = listSourceRefs.output.parse({
    default_branch: 'main',
    branches: [
      { name: 'main', commit },
      { name: 'next', commit },
    ],
    tags: [{ name: 'v1', commit }],
    truncated: true,
  });
  expect(viewLines('sources.refs', refs, options)).toEqual([
    'REF   KIND            COMMIT',
    `main  default branch  ${commit}`,
    `next  branch          ${commit}`,
    `v1    tag             ${commit}`,
    'There are more than are listed.',
  ]);
  const none = { default_branch: null, branches: [], tags: [], truncated: false };
  expect(viewLines('sources.refs', none, options)).toEqual(['No branches and no tags: nothing was pushed yet.']);
});
