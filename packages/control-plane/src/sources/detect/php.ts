/** PHP: composer.json, or an index.php; served by PHP's own server, the one that needs no configuration. */
import { type Detection, draftOf, nothing, pageHealth, toldPort } from './draft.ts';
import type { Folder } from './view.ts';

const small_server =
  'PHP’s own server answers few requests at once: for more than that, put php-fpm or FrankenPHP in its place.';

export async function detectPhp(folder: Folder): Promise<Detection> {
  const composer = await folder.read('composer.json');
  const start = startOf(folder);
  if (!start) return nothing;
  const is_locked = folder.has('composer.lock');
  const notes = ['PHP must be installed on the server.', small_server];
  if (composer !== null && !is_locked) {
    notes.push('There is no composer.lock: two builds of one commit may differ. Commit it.');
  }
  const draft = draftOf({
    root: folder.path,
    kind: 'php',
    title: ['PHP', start.framework ? ` (${start.framework})` : ''].join(''),
    build:
      composer === null
        ? null
        : {
            value: 'composer install --no-dev --no-interaction --optimize-autoloader',
            reason: is_locked ? 'composer.lock pins the dependencies.' : 'composer.json names the dependencies.',
          },
    run: { value: start.run, reason: start.reason },
    port: toldPort,
    health: pageHealth,
    serves: 'pages',
    notes,
    is_bare: composer === null,
  });
  return { drafts: [draft], notes: [] };
}

function startOf(folder: Folder): { framework: string | null; run: string; reason: string } | null {
  if (folder.has('artisan') && folder.has('public/index.php')) {
    const run = 'exec php artisan serve --host=127.0.0.1 --port="$PORT" --no-reload';
    return { framework: 'Laravel', run, reason: 'There is Laravel’s artisan.' };
  }
  for (const place of ['public', 'web', 'www', '']) {
    if (!folder.has(place === '' ? 'index.php' : `${place}/index.php`)) continue;
    const root = place === '' ? '' : ` -t ${place}`;
    const framework = folder.has('symfony.lock') ? 'Symfony' : null;
    const run = `exec php -S "127.0.0.1:$PORT"${root}`;
    return { framework, run, reason: `There is ${place === '' ? '' : `${place}/`}index.php.` };
  }
  return null;
}
