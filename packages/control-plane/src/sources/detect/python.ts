/** Python: a virtual environment in the folder by whatever the project manages its dependencies with, and a server for it. */
import type { Command } from '@mainstay/contract/stack';
import { exposedPort } from './containers.ts';
import { type Detection, type Draft, draftOf, nothing, pageHealth, toldPort } from './draft.ts';
import { type Health, healthOf, type Port, portOf } from './evidence.ts';
import { type Environment, environmentOf } from './python-environment.ts';
import { type Folder, isPlainPath, type Text } from './view.ts';

const names = ['main', 'app', 'server', 'wsgi', 'asgi', 'run', 'api'];

/** Where an application object is likely to be, from the folder. */
function entriesOf(folder: Folder): string[] {
  const own = folder.files.filter((file) => file.endsWith('.py'));
  const called = `${folder.name.replaceAll('-', '_')}.py`;
  const inside = [
    'app',
    'src',
    'api',
    'src/app',
    `src/${folder.name.replaceAll('-', '_')}`,
    folder.name.replaceAll('-', '_'),
  ];
  const candidates = [
    ...names.map((name) => `${name}.py`),
    called,
    ...(own.length === 1 ? own : []),
    ...inside.flatMap((place) => ['main', 'app', '__init__'].map((name) => `${place}/${name}.py`)),
  ];
  return [...new Set(candidates)].filter((path) => folder.has(path) && isPlainPath(path));
}

export const isPythonEntry = (file: string, folder_name: string) =>
  /^(main|app|server|wsgi|asgi|run|api)\.py$/.test(file) || file === `${folder_name.replaceAll('-', '_')}.py`;

const is_server =
  /\bhttp\.server\b|\bHTTPServer\b|\bsocketserver\b|\bserve_forever\b|\buvicorn\b|\baiohttp\.web|\bweb\.run_app\b|\btornado\b|\bwaitress\b|\bapp\.run\(|\bcherrypy\b|\basyncio\.start_server\b|\bgrpc\.(aio\.)?server\b/;

type Start = {
  framework: string | null;
  run: Command;
  reason: string;
  port: Port | null;
  health: Health | null;
} & Pick<Draft, 'serves' | 'notes'> & { server?: string; build_more?: string };

export async function detectPython(folder: Folder): Promise<Detection> {
  const environment = await environmentOf(folder);
  const texts = await folder.texts(entriesOf(folder));
  const start =
    (await django(folder, environment)) ?? application(texts, environment) ?? (await plain(folder, texts, environment));
  if (!start) return nothing;
  const build = environment.build(start.server ?? null, start.build_more ?? null);
  const draft = draftOf({
    root: folder.path,
    kind: 'python',
    title: `Python${titleOf(environment, start)}`,
    build,
    run: { value: start.run, reason: start.reason },
    port: start.port ?? portOf(texts, await exposedPort(folder)),
    health: start.health ?? healthOf(texts),
    serves: start.serves,
    texts,
    notes: [...start.notes, ...environment.notes],
    is_bare: environment.manager === null && !folder.has('manage.py'),
  });
  return { drafts: [draft], notes: [] };
}

function titleOf(environment: Environment, start: Start): string {
  const parts = [environment.manager, start.framework].filter(Boolean);
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}

/** Django has manage.py, which names its settings; gunicorn serves it unless it brings another server. */
async function django(folder: Folder, environment: Environment): Promise<Start | null> {
  const manage = (await folder.read('manage.py')) ?? '';
  const project = /DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]{1,100}?)\.settings/.exec(manage)?.[1];
  if (project === undefined) return null;
  const path = project.replaceAll('.', '/');
  const settings = (
    await folder.texts([`${path}/settings.py`, `${path}/settings/base.py`, `${path}/settings/__init__.py`])
  )
    .map(({ text }) => text)
    .join('\n');
  const collects = /^[ \t]*STATIC_ROOT[ \t]*=/m.test(settings);
  return {
    framework: 'Django',
    run: `exec .venv/bin/gunicorn ${project}.wsgi --bind "127.0.0.1:$PORT"`,
    reason: `manage.py names the settings of ${project}, and gunicorn serves its WSGI application.`,
    server: 'gunicorn',
    ...(collects ? { build_more: `${environment.python} manage.py collectstatic --noinput` } : {}),
    port: toldPort,
    health: null,
    serves: 'pages',
    notes: [
      'Migrations are not run by themselves: `manage.py migrate` is to be run before what needs them is deployed.',
      'ALLOWED_HOSTS of its settings must have the name under which it is reached.',
    ],
  };
}

const made =
  /^(\w{1,60})\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)?(FastAPI|Starlette|Litestar|Quart|BlackSheep|Flask|Falcon|Bottle|Dash)\s*\(/m;
const factory = /^def (create_app|make_app)\s*\(/m;
const asgi = new Set(['FastAPI', 'Starlette', 'Litestar', 'Quart', 'BlackSheep']);

/** A module with an application object, or a function that makes one. */
function application(texts: readonly Text[], environment: Environment): Start | null {
  if (!environment.manager) return null;
  for (const { path, text } of texts) {
    const object = made.exec(text);
    const maker = object ? null : factory.exec(text);
    const kind = object?.[2] ?? (/\bflask\b/i.test(text) ? 'Flask' : /\bfastapi\b/i.test(text) ? 'FastAPI' : null);
    if ((!object && !maker) || kind === null) continue;
    const in_src = path.startsWith('src/') && path.split('/').length > 2;
    const module = (in_src ? path.slice(4) : path).replace(/(\/__init__)?\.py$/, '').replaceAll('/', '.');
    const name = object?.[1] ?? maker?.[1] ?? 'app';
    const where = in_src ? { uvicorn: ' --app-dir src', gunicorn: ' --chdir src' } : { uvicorn: '', gunicorn: '' };
    const is_asgi = asgi.has(kind);
    const run = is_asgi
      ? `exec .venv/bin/uvicorn ${module}:${name}${maker ? ' --factory' : ''}${where.uvicorn} --host 127.0.0.1 --port "$PORT"`
      : `exec .venv/bin/gunicorn ${maker ? `'${module}:${name}()'` : `${module}:${name}${kind === 'Dash' ? '.server' : ''}`}${where.gunicorn} --bind "127.0.0.1:$PORT"`;
    const server = is_asgi ? 'uvicorn' : 'gunicorn';
    return {
      framework: kind,
      run,
      reason: `${path} makes the ${kind} application \`${name}\`, which ${server} serves.`,
      server,
      port: toldPort,
      health: null,
      serves: kind === 'Dash' ? 'pages' : 'api',
      notes: [],
    };
  }
  return null;
}

const needs_packages =
  /^[ \t]*(import|from)[ \t]+(flask|fastapi|uvicorn|aiohttp|tornado|sanic|bottle|cherrypy|grpc|waitress)\b/m;
const unnamed_packages =
  'It imports packages that no requirements.txt or pyproject.toml names: they are not installed by a build.';

/** A program that listens by itself. */
async function plain(folder: Folder, texts: readonly Text[], environment: Environment): Promise<Start | null> {
  const streamlit = texts.find(({ text }) => /^[ \t]*(import|from)[ \t]+streamlit\b/m.test(text));
  if (streamlit && environment.manager) {
    return {
      framework: 'Streamlit',
      run: `exec .venv/bin/streamlit run ${streamlit.path} --server.address 127.0.0.1 --server.port "$PORT" --server.headless true`,
      reason: `${streamlit.path} is a Streamlit page.`,
      port: toldPort,
      health: { value: '/_stcore/health', reason: 'Streamlit answers there when it is well.' },
      serves: 'pages',
      notes: [],
    };
  }
  const entry = texts.find(({ text }) => is_server.test(text));
  if (!entry) return null;
  const is_package = entry.path.includes('/');
  return {
    framework: null,
    run: [environment.python, ...(is_package ? ['-m', moduleOf(entry.path)] : [entry.path])],
    reason: `There is ${entry.path}, and it listens on a port.`,
    port: null,
    health: folder.has('index.html') ? pageHealth : null,
    serves: 'api',
    notes: environment.manager || !needs_packages.test(entry.text) ? [] : [unnamed_packages],
  };
}

function moduleOf(path: string): string {
  return path.replace(/(\/__init__)?\.py$/, '').replaceAll('/', '.');
}
