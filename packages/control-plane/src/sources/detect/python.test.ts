import { describe, expect, it } from 'vitest';
import { type Files, onlyProposal, proposed } from '../testing/repositories.ts';
import { expectProposal, type Row } from '../testing/rows.ts';

const manage = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')";
const venv = 'python3 -m venv .venv && .venv/bin/pip install';
const fastapi = 'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/health")\n';
const flask = 'from flask import Flask\napplication = Flask(__name__)\n';

const rows: Row[] = [
  {
    title: 'FastAPI with uvicorn among the requirements',
    files: { 'requirements.txt': 'fastapi==0.120\nuvicorn[standard]>=0.38\n', 'main.py': fastapi },
    build: `${venv} -r requirements.txt`,
    run: 'exec .venv/bin/uvicorn main:app --host 127.0.0.1 --port "$PORT"',
    health: '/health',
    says: 'Python (pip, FastAPI)',
  },
  {
    title: 'FastAPI in a folder, without a server',
    files: { 'requirements.txt': 'fastapi', 'app/main.py': fastapi },
    build: `${venv} -r requirements.txt uvicorn`,
    run: 'exec .venv/bin/uvicorn app.main:app --host 127.0.0.1 --port "$PORT"',
    health: '/health',
    says: 'Python (pip, FastAPI)',
  },
  {
    title: 'FastAPI in src, with Poetry',
    files: {
      'pyproject.toml': '[tool.poetry.dependencies]\nfastapi = {extras = ["all"], version = "*"}\nuvicorn = "^0.38"\n',
      'poetry.lock': '',
      'src/app/main.py': fastapi,
    },
    build: 'POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --only main --no-interaction',
    run: 'exec .venv/bin/uvicorn app.main:app --app-dir src --host 127.0.0.1 --port "$PORT"',
    health: '/health',
    says: 'Python (Poetry, FastAPI)',
  },
  {
    title: 'Flask with uv',
    files: {
      'pyproject.toml': '[project]\ndependencies = ["flask", "gunicorn>=23"]\n',
      'uv.lock': '',
      'app.py': flask,
    },
    build: 'uv sync --frozen --no-dev',
    run: 'exec .venv/bin/gunicorn app:application --bind "127.0.0.1:$PORT"',
    says: 'Python (uv, Flask)',
  },
  {
    title: 'Flask with uv, without a server',
    files: { 'pyproject.toml': '[project]\ndependencies = ["flask"]\n', 'uv.lock': '', 'app.py': flask },
    build: 'uv sync --frozen --no-dev && uv pip install gunicorn',
    run: 'exec .venv/bin/gunicorn app:application --bind "127.0.0.1:$PORT"',
    says: 'Python (uv, Flask)',
  },
  {
    title: 'Flask made by a function, with Pipenv',
    files: {
      Pipfile: '[packages]\nflask = "*"\ngunicorn = "*"\n',
      'Pipfile.lock': '',
      'wsgi.py': 'import flask\ndef create_app():\n  pass',
    },
    build: 'PIPENV_VENV_IN_PROJECT=1 pipenv sync',
    run: `exec .venv/bin/gunicorn 'wsgi:create_app()' --bind "127.0.0.1:$PORT"`,
    says: 'Python (Pipenv, Flask)',
  },
  {
    title: 'Django that collects its static files',
    files: {
      'manage.py': manage,
      'mysite/settings.py': "STATIC_ROOT = BASE_DIR / 'static'",
      'mysite/wsgi.py': '',
      'requirements.txt': 'Django>=5',
    },
    build: `${venv} -r requirements.txt gunicorn && .venv/bin/python manage.py collectstatic --noinput`,
    run: 'exec .venv/bin/gunicorn mysite.wsgi --bind "127.0.0.1:$PORT"',
    says: 'Python (pip, Django)',
  },
  {
    title: 'Streamlit',
    files: { 'requirements.txt': 'streamlit', 'app.py': 'import streamlit as st' },
    build: `${venv} -r requirements.txt`,
    run: 'exec .venv/bin/streamlit run app.py --server.address 127.0.0.1 --server.port "$PORT" --server.headless true',
    health: '/_stcore/health',
    says: 'Python (pip, Streamlit)',
  },
  {
    title: 'a program of the standard library with a fixed port',
    files: { 'server.py': 'from http.server import HTTPServer\nHTTPServer(("", 8000), X).serve_forever()' },
    build: null,
    run: ['python3', 'server.py'],
    port: 8_000,
    says: 'Python',
  },
  {
    title: 'a program whose database has a port too',
    files: {
      'requirements.txt': 'aiohttp',
      'main.py': 'from aiohttp import web\nconnect(host="db", port=5432)\nweb.run_app(app, port=9001)',
    },
    build: `${venv} -r requirements.txt`,
    run: ['.venv/bin/python', 'main.py'],
    port: 9_001,
    says: 'Python (pip)',
  },
  {
    title: 'a project that is installed itself',
    files: {
      'pyproject.toml': '[build-system]\nrequires = []\n[project]\nname = "shop"\n',
      'shop/main.py': 'import tornado.web',
    },
    build: `${venv} .`,
    run: ['.venv/bin/python', '-m', 'shop.main'],
    says: 'Python (pip)',
  },
];

describe('a Python service', () => {
  it.each(rows)('$title', (row) => expectProposal('python', row));

  it('says that its server comes along where the project does not name it', async () => {
    const proposal = await onlyProposal(rows[1]!.files);
    expect(proposal.build?.reason).toBe(
      'requirements.txt names the dependencies; uvicorn, which serves it, is not among them and comes along.',
    );
    expect(proposal.run?.reason).toBe('app/main.py makes the FastAPI application `app`, which uvicorn serves.');
  });

  it('says when nothing names the packages that it imports', async () => {
    const proposal = await onlyProposal({
      'app.py': 'from flask import Flask\napp = Flask(__name__)\napp.run(port=5000)',
    });
    expect(proposal).toMatchObject({ build: null, run: { value: ['python3', 'app.py'] }, port: { value: 5_000 } });
    expect(proposal.notes.join(' ')).toMatch(/imports packages that no requirements\.txt/);
  });

  it('is proposed once, though parts of it lie in folders', async () => {
    const { proposals } = await proposed({ ...rows[1]!.files, 'api/main.py': 'import uvicorn' });
    expect(proposals.map(({ root }) => root)).toEqual([null]);
  });

  it('is not what a library or a script is', async () => {
    const none: Files[] = [
      { 'pyproject.toml': '[project]\nname = "x"\n', 'x/__init__.py': 'def f(): pass' },
      { 'requirements.txt': 'numpy', 'main.py': 'print(1)' },
      { 'main.py': 'print(1)' },
    ];
    for (const files of none) {
      expect((await proposed(files)).proposals).toEqual([]);
    }
  });
});
