/**
 * Dependencies of a Python project: by whom they are managed, and how they come into `.venv` in the folder, where every
 * manager can put them. pyproject.toml is read by patterns for the few words that matter: a parser of TOML would be a
 * dependency for nothing more.
 */
import type { Folder } from './view.ts';

export type Environment = {
  /** Null: it has no dependencies. */
  manager: 'pip' | 'uv' | 'Poetry' | 'Pipenv' | null;
  /** The interpreter that sees the dependencies. */
  python: string;
  /** What builds it; `server` is added where the project does not bring it, `more` comes at the end. */
  build(server: string | null, more: string | null): { value: string; reason: string } | null;
  notes: string[];
};

export async function environmentOf(folder: Folder): Promise<Environment> {
  const pyproject = (await folder.read('pyproject.toml')) ?? '';
  const is_project = /^\[(project|tool\.poetry|build-system)\]/m.test(pyproject);
  const requirements = folder.first(['requirements.txt', 'requirements/production.txt', 'requirements/base.txt']);
  const pipfile = (await folder.read('Pipfile')) ?? '';
  const named = [pyproject, pipfile, requirements === null ? '' : ((await folder.read(requirements)) ?? '')].join('\n');
  if (folder.has('uv.lock')) {
    return managed(
      'uv',
      'uv sync --frozen --no-dev',
      'uv.lock pins the dependencies',
      named,
      (p) => `uv pip install ${p}`,
    );
  }
  if (folder.has('poetry.lock')) {
    const install = 'POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --only main --no-interaction';
    return managed('Poetry', install, 'poetry.lock pins the dependencies', named, (p) => `poetry run pip install ${p}`);
  }
  if (folder.has('Pipfile.lock')) {
    const install = 'PIPENV_VENV_IN_PROJECT=1 pipenv sync';
    return managed(
      'Pipenv',
      install,
      'Pipfile.lock pins the dependencies',
      named,
      (p) => `pipenv run pip install ${p}`,
    );
  }
  if (requirements === null && !is_project) {
    return {
      manager: null,
      python: 'python3',
      build: (_, more) => (more === null ? null : { value: more, reason: 'It has to be prepared.' }),
      notes: [],
    };
  }
  const what = requirements === null ? '.' : `-r ${requirements}`;
  const reason =
    requirements === null ? 'pyproject.toml names the dependencies' : `${requirements} names the dependencies`;
  return {
    manager: 'pip',
    python: '.venv/bin/python',
    build(server, more) {
      const missing = server !== null && !isNamed(named, server);
      const install = `python3 -m venv .venv && .venv/bin/pip install ${what}${missing ? ` ${server}` : ''}`;
      const added = missing ? `; ${server}, which serves it, is not among them and comes along` : '';
      return { value: [install, more].filter(Boolean).join(' && '), reason: `${reason}${added}.` };
    },
    notes: [],
  };
}

function managed(
  manager: 'uv' | 'Poetry' | 'Pipenv',
  install: string,
  reason: string,
  named: string,
  add: (name: string) => string,
): Environment {
  return {
    manager,
    python: '.venv/bin/python',
    build(server, more) {
      const missing = server !== null && !isNamed(named, server);
      const added = missing ? `; ${server}, which serves it, is not among them and comes along` : '';
      const steps = [install, missing ? add(server) : null, more];
      return { value: steps.filter(Boolean).join(' && '), reason: `${reason}${added}.` };
    },
    notes: [`${manager} must be installed on the server.`],
  };
}

/** Whether a list of dependencies names a package, in whatever way such lists are written. */
function isNamed(text: string, name: string): boolean {
  if (name === 'uvicorn' && /\bfastapi\[(standard|all)\]/i.test(text)) return true;
  return new RegExp(`(^|["'\\s])${name}(\\[[\\w,-]+\\])?\\s*($|["'<>=~!;,])`, 'im').test(text);
}
