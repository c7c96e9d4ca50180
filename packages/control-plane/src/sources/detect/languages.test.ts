/** Go, Rust, Ruby, PHP, static sites and Procfiles: one table, because one row each says it all. */
import { describe, expect, it } from 'vitest';
import { onlyProposal, proposed } from '../testing/repositories.ts';
import { expectProposal, type Row } from '../testing/rows.ts';

const goMain = 'package main\nimport "net/http"\nfunc main() { http.ListenAndServe(":8090", nil) }';
const axum = '[package]\nname = "shop-api"\nversion = "1.0.0"\n\n[dependencies]\naxum = "0.8"\n';
const bundle = 'bundle config set --local path vendor/bundle && bundle install';

const rows: (Row & { kind: string })[] = [
  {
    title: 'Go with its program at the top',
    files: { 'go.mod': 'module example.org/you/shop/v2\n\ngo 1.24\n', 'main.go': goMain },
    kind: 'go',
    says: 'Go 1.24',
    build: ['go', 'build', '-o', 'bin/shop', '.'],
    run: ['./bin/shop'],
    port: 8_090,
  },
  {
    title: 'Go that reads PORT, in another file of its program',
    files: {
      'go.mod': 'module shop\n',
      'main.go': 'package main\nfunc main() { serve() }',
      'serve.go': 'package main\nimport "net/http"\nvar p = os.Getenv("PORT")\nmux.Handle("/livez", x)',
      'serve_test.go': 'package main',
    },
    kind: 'go',
    says: 'Go',
    build: ['go', 'build', '-o', 'bin/shop', '.'],
    run: ['./bin/shop'],
    health: '/livez',
  },
  {
    title: 'Rust with a lock file',
    files: { 'Cargo.toml': axum, 'Cargo.lock': '', 'src/main.rs': 'let a = SocketAddr::from(([127, 0, 0, 1], 3000));' },
    kind: 'rust',
    says: 'Rust (axum)',
    build: ['cargo', 'build', '--release', '--locked', '--bin', 'shop-api'],
    run: ['./target/release/shop-api'],
    port: 3_000,
  },
  {
    title: 'Rust with a program of another name',
    files: {
      'Cargo.toml': `${axum}\n[[bin]]\nname = "serve"\npath = "src/serve.rs"\n`,
      'src/serve.rs': '',
      'src/lib.rs': 'env::var("PORT")',
    },
    kind: 'rust',
    says: 'Rust (axum)',
    build: ['cargo', 'build', '--release', '--bin', 'serve'],
    run: ['./target/release/serve'],
  },
  {
    title: 'Rails',
    files: {
      Gemfile: 'source "https://rubygems.org"\ngem "rails", "~> 8.0"\ngem "propshaft"\n',
      'Gemfile.lock': '',
      'config/application.rb': '',
      'config.ru': '',
      'config/routes.rb': 'get "up" => "rails/health#show"\nget "/up"',
      'package.json': '{"scripts":{"start":"node x.js"}}',
    },
    kind: 'ruby',
    says: 'Ruby (Rails)',
    build: `${bundle} && RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile`,
    run: 'exec bundle exec rails server --environment production --binding 127.0.0.1 --port "$PORT"',
    health: '/up',
  },
  {
    title: 'a rack application with puma',
    files: { Gemfile: "gem 'puma'\n", 'Gemfile.lock': '', 'config.ru': 'run App' },
    kind: 'ruby',
    says: 'Ruby (Rack)',
    build: bundle,
    run: 'exec bundle exec puma --environment production --bind "tcp://127.0.0.1:$PORT"',
  },
  {
    title: 'Sinatra',
    files: { Gemfile: "gem 'sinatra'\n", 'app.rb': "get '/healthz' do" },
    kind: 'ruby',
    says: 'Ruby (Sinatra)',
    build: bundle,
    run: 'exec bundle exec ruby app.rb -e production -o 127.0.0.1 -p "$PORT"',
    health: '/healthz',
  },
  {
    title: 'Laravel',
    files: { 'composer.json': '{}', 'composer.lock': '', artisan: '', 'public/index.php': '', 'package.json': '{}' },
    kind: 'php',
    says: 'PHP (Laravel)',
    build: 'composer install --no-dev --no-interaction --optimize-autoloader',
    run: 'exec php artisan serve --host=127.0.0.1 --port="$PORT" --no-reload',
    health: '/',
  },
  {
    title: 'one page of PHP',
    files: { 'index.php': '<?php echo 1;' },
    kind: 'php',
    says: 'PHP',
    build: null,
    run: 'exec php -S "127.0.0.1:$PORT"',
    health: '/',
  },
  {
    title: 'files at the top',
    files: { 'index.html': '<h1>', 'style.css': '' },
    kind: 'static',
    says: 'Static site',
    build: null,
    run: 'exec python3 -m http.server "$PORT" --bind 127.0.0.1',
    health: '/',
  },
  {
    title: 'files in a folder',
    files: { 'README.md': '', 'public/index.html': '<h1>' },
    kind: 'static',
    says: 'Static site',
    build: null,
    run: 'exec python3 -m http.server "$PORT" --bind 127.0.0.1 --directory public',
    health: '/',
  },
  {
    title: 'Hugo',
    files: { 'hugo.toml': '', 'content/a.md': '' },
    kind: 'static',
    says: 'Static site (Hugo)',
    build: ['hugo', '--minify'],
    run: 'exec python3 -m http.server "$PORT" --bind 127.0.0.1 --directory public',
    health: '/',
  },
];

it.each(rows)('$title', ({ kind, ...row }) => expectProposal(kind, row));

describe('several programs of one repository', () => {
  it('of Go are those that serve, each by its name', async () => {
    const { proposals } = await proposed({
      'go.mod': 'module shop\n',
      'cmd/api/main.go': goMain.replace('8090', '9100'),
      'cmd/jobs/main.go': 'package main\nvar s = grpc.NewServer()',
      'cmd/migrate/main.go': 'package main\nfunc main() {}',
      'internal/x.go': 'package internal',
    });
    expect(proposals.map(({ name, build, run, port }) => [name, build?.value, run?.value, port.value])).toEqual([
      ['api', ['go', 'build', '-o', 'bin/api', './cmd/api'], ['./bin/api'], 9_100],
      ['jobs', ['go', 'build', '-o', 'bin/jobs', './cmd/jobs'], ['./bin/jobs'], null],
    ]);
  });

  it('of Rust are built from the top of their workspace', async () => {
    const { proposals } = await proposed({
      'Cargo.toml': '[workspace]\nmembers = ["crates/*"]\n',
      'Cargo.lock': '',
      'crates/api/Cargo.toml': axum,
      'crates/api/src/main.rs': '',
      'crates/core/Cargo.toml': '[package]\nname = "core"\n',
      'crates/core/src/lib.rs': '',
    });
    expect(proposals).toHaveLength(1);
    expect(proposals[0]).toMatchObject({
      name: 'shop-api',
      root: null,
      build: { value: ['cargo', 'build', '--release', '--locked', '--package', 'shop-api', '--bin', 'shop-api'] },
    });
  });

  it('with nothing that listens is said to be a tool, perhaps', async () => {
    const tool = await onlyProposal({ 'go.mod': 'module tool\n', 'main.go': 'package main\nfunc main() {}' });
    expect(tool.notes.join(' ')).toMatch(/Nothing that was read listens on a port/);
    const rust = await onlyProposal({ 'Cargo.toml': '[package]\nname = "tool"\n', 'src/main.rs': 'fn main() {}' });
    expect(rust.notes.join(' ')).toMatch(/Nothing that was read listens on a port/);
  });
});

describe('a Procfile', () => {
  it('names the services, and the language says how they are built', async () => {
    const { proposals, notes } = await proposed({
      Procfile:
        '# comment\nweb: gunicorn app:app --bind :$PORT\nworker: celery -A app worker\nrelease: python migrate.py\n\nnot a line\n',
      'requirements.txt': 'flask\ngunicorn\n',
      'app.py': 'from flask import Flask\napp = Flask(__name__)',
    });
    const made = 'python3 -m venv .venv && .venv/bin/pip install -r requirements.txt';
    expect(
      proposals.map(({ name, kind, build, run, route }) => [name, kind, build?.value, run?.value, route?.prefix]),
    ).toEqual([
      ['shop', 'procfile', made, 'export PATH="$PWD/.venv/bin:$PATH"; gunicorn app:app --bind :$PORT', '/'],
      ['shop-worker', 'procfile', made, 'export PATH="$PWD/.venv/bin:$PATH"; celery -A app worker', undefined],
    ]);
    expect(proposals[0]?.title).toBe('Procfile: web · Python (pip, Flask)');
    expect(proposals[1]?.notes.join(' ')).toMatch(/a worker needs a small listener/);
    expect(notes.join(' ')).toMatch(/release command, `python migrate\.py`, which is not run by itself/);
  });

  it('is enough by itself', async () => {
    const proposal = await onlyProposal({ Procfile: 'web: ./server -p $PORT\r\n' });
    expect(proposal).toMatchObject({ title: 'Procfile: web', build: null, run: { value: './server -p $PORT' } });
    expect(proposal.port.reason).toBe('Its command takes $PORT.');
  });
});
