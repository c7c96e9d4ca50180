/** House style as a test: what machines can see at once of CONTRIBUTING.md. */
import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { files, read, root, sources } from './repository.ts';

const lines_max = 400;

test(`no source file has more than ${lines_max} lines`, () => {
  const long = sources.filter((path) => read(path).split('\n').length > lines_max);
  expect(long).toEqual([]);
});

test('no check is switched off and no command is a text for a shell', () => {
  // `any` is Biome's to find, enums are the compiler's (erasableSyntaxOnly).
  const forbidden: [RegExp, string][] = [
    [/\bshell\s*:\s*true\b/, 'a shell'],
    [/\bexecSync\s*\(/, 'execSync'],
    [/\bimport\s*\{[^}]*\bexec\b[^}]*\}\s*from\s*['"]node:child_process/, 'exec'],
    [/^\s*(\/\/|\/\*)\s*@ts-(ignore|nocheck|expect-error)/m, '@ts-…'],
  ];
  const found = sources.flatMap((path) =>
    forbidden.filter(([pattern]) => pattern.test(read(path))).map(([, what]) => `${path}: ${what}`),
  );
  expect(found).toEqual([]);
});

test('folders are domain nouns, never utils, helpers or common', () => {
  const vague = /(^|\/)(utils?|helpers?|common|misc|shared|lib)(\/|\.ts$)/;
  expect(sources.filter((path) => vague.test(path))).toEqual([]);
});

test('every module opens with a comment that says what it owns', () => {
  const silent = sources.filter(
    (path) => path.startsWith('packages/') && !/^(#!.*\n)?(import '[^']+';\n)?\/\*\*/.test(read(path)),
  );
  expect(silent.filter((path) => !/\/index\.ts$|\.test\.ts$/.test(path))).toEqual([]);
});

test('no module is mocked: tests use the real part, or a fake behind a port', () => {
  const tests = sources.filter((path) => path.endsWith('.test.ts'));
  expect(tests.filter((path) => /^\s*(vi|jest)\.(mock|doMock)\(/m.test(read(path)))).toEqual([]);
});

const manifests = files.filter((path) => /(^|^packages\/[^/]+\/)package\.json$/.test(path));
const dependencyNames = [...new Set(manifests.flatMap((path) => Object.keys(dependenciesOf(path))))].sort();

test('every dependency has one exact version', () => {
  const loose = manifests.flatMap((path) =>
    Object.entries(dependenciesOf(path))
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => `${path}: ${name} ${version}`),
  );
  expect(loose).toEqual([]);
});

test('every dependency has exactly one line in docs/dependencies.md, and every line is of a dependency', () => {
  const listed = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
  expect(listed.toSorted()).toEqual(dependencyNames);
});

test('lock files name no registry', () => {
  const locks = files.filter((path) => path.endsWith('package-lock.json'));
  expect(locks.length).toBeGreaterThan(1);
  expect(locks.filter((path) => /"resolved": *"https?:/.test(read(path)))).toEqual([]);
});

test('no file holds a path of the machine that it was written on', () => {
  const own = [`${root}/`, `${homedir()}/`].filter((path) => path.length > 2);
  const text = files.filter((path) => /\.(ts|mjs|js|json|md|ya?ml|css|html|py|sh|svg)$|^[^.]+$/.test(path));
  expect(text.filter((path) => own.some((folder) => read(path).includes(folder)))).toEqual([]);
});

function dependenciesOf(path: string): Record<string, string> {
  const manifest = JSON.parse(read(path)) as Record<string, Record<string, string> | undefined>;
  return { ...manifest['dependencies'], ...manifest['devDependencies'], ...manifest['optionalDependencies'] };
}
