/** Ruby: a Gemfile with Rails, a rack application, Sinatra or Jekyll. */
import { type Detection, draftOf, fileServer, fileServerNotes, nothing, pageHealth, toldPort } from './draft.ts';
import { healthOf } from './evidence.ts';
import type { Folder } from './view.ts';

const install = 'bundle config set --local path vendor/bundle && bundle install';

export async function detectRuby(folder: Folder): Promise<Detection> {
  const gemfile = await folder.read('Gemfile');
  if (gemfile === null) return nothing;
  const has = (gem: string) => new RegExp(`^[ \\t]*gem[ \\t]+["']${gem}["']`, 'm').test(gemfile);
  const start = startOf(folder, has);
  if (!start) return nothing;
  const texts = await folder.texts(['config/routes.rb', 'config.ru', 'app.rb', 'config/puma.rb']);
  const is_locked = folder.has('Gemfile.lock');
  const notes = ['Ruby and bundler must be installed on the server.', ...start.notes];
  if (!is_locked) notes.push('There is no Gemfile.lock: two builds of one commit may differ. Commit it.');
  const draft = draftOf({
    root: folder.path,
    kind: 'ruby',
    title: `Ruby (${start.title})`,
    build: {
      value: [install, start.build].filter(Boolean).join(' && '),
      reason: `${is_locked ? 'Gemfile.lock pins' : 'Gemfile names'} the gems${start.build ? `, and ${start.title} builds from them` : ''}.`,
    },
    run: { value: start.run, reason: start.reason },
    port: toldPort,
    health: start.is_files ? pageHealth : healthOf(texts),
    serves: start.is_files || start.title === 'Rails' ? 'pages' : 'api',
    texts,
    notes,
  });
  return { drafts: [draft], notes: [] };
}

type Start = { title: string; build: string | null; run: string; reason: string; is_files?: boolean; notes: string[] };

function startOf(folder: Folder, has: (gem: string) => boolean): Start | null {
  if (has('rails') && folder.has('config/application.rb')) {
    const builds_assets = has('sprockets-rails') || has('propshaft');
    return {
      title: 'Rails',
      build: builds_assets ? 'RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile' : null,
      run: 'exec bundle exec rails server --environment production --binding 127.0.0.1 --port "$PORT"',
      reason: 'Gemfile has rails, and config/application.rb is there.',
      notes: [
        'It needs SECRET_KEY_BASE or RAILS_MASTER_KEY as a secret.',
        'Migrations are not run by themselves: `rails db:migrate` is to be run before what needs them is deployed.',
      ],
    };
  }
  if (has('jekyll')) {
    return {
      title: 'Jekyll',
      build: 'bundle exec jekyll build',
      run: fileServer('_site'),
      reason: 'Gemfile has jekyll, whose build makes files in _site; Python’s file server hands them out.',
      is_files: true,
      notes: fileServerNotes,
    };
  }
  if (folder.has('config.ru')) {
    const run = has('puma')
      ? 'exec bundle exec puma --environment production --bind "tcp://127.0.0.1:$PORT"'
      : 'exec bundle exec rackup --env production --host 127.0.0.1 --port "$PORT"';
    return { title: 'Rack', build: null, run, reason: 'There is a config.ru, a rack application.', notes: [] };
  }
  if (has('sinatra') && folder.has('app.rb')) {
    const run = 'exec bundle exec ruby app.rb -e production -o 127.0.0.1 -p "$PORT"';
    return { title: 'Sinatra', build: null, run, reason: 'Gemfile has sinatra, and there is an app.rb.', notes: [] };
  }
  return null;
}
