/** The direction of imports: `contract ← runtime ← {control-plane, keeper, agent}`, `contract ← {dashboard, cli}`. */
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { files, read } from './repository.ts';

/** What each package may import besides itself. Programs never import each other. */
const allowed: Record<string, readonly string[]> = {
  contract: [],
  runtime: ['contract'],
  keeper: ['contract', 'runtime'],
  'control-plane': ['contract', 'runtime'],
  agent: ['contract', 'runtime'],
  cli: ['contract', 'runtime'],
  dashboard: ['contract'],
};

/**
 * Places where programs are put together, or tried together: a process that holds two of them has to know both. Anything
 * that is added here is to be argued about.
 */
const compositionRoots: Record<string, readonly string[]> = {
  'packages/control-plane/src/control-plane-main.ts': ['keeper'],
};

type Arrow = { file: string; from: string; to: string };

const code = files.filter((path) => /^packages\/[^/]+\/src\/.*\.tsx?$/.test(path));
const arrows = code.flatMap(arrowsOf);

test('every package has its row in this test', () => {
  const packages = new Set(files.map((path) => /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1]).filter(Boolean));
  expect([...packages].sort()).toEqual(Object.keys(allowed).sort());
});

test('the graph has arrows at all, so that this test cannot pass by looking at nothing', () => {
  expect(arrows.filter((arrow) => arrow.to === 'contract').length).toBeGreaterThan(20);
});

test('no arrow points back, and programs do not import each other', () => {
  const wrong = arrows.filter(({ file, from, to }) => {
    if (from === to || allowed[from]?.includes(to) || compositionRoots[file]?.includes(to)) return false;
    // A test may put another program beside the one that it tests; what ships may not.
    return !isTestCode(file);
  });
  expect(wrong.map(({ file, to }) => `${file} imports ${to}`)).toEqual([]);
});

test('contract code that ships uses no module of Node, so that it runs in browsers and Workers', () => {
  const wrong = code
    .filter((path) => /^packages\/(contract|dashboard)\//.test(path) && !isTestCode(path))
    .filter((path) => specifiersOf(path).some((specifier) => specifier.startsWith('node:')));
  expect(wrong).toEqual([]);
});

test('what ships imports nothing that is only for tests', () => {
  const wrong = code
    .filter((path) => !isTestCode(path))
    .filter((path) => specifiersOf(path).some((specifier) => isTestCode(specifier)));
  expect(wrong).toEqual([]);
});

test('no import reaches into another package by a path', () => {
  const wrong = code.filter((path) => specifiersOf(path).some((specifier) => leavesPackage(path, specifier)));
  expect(wrong).toEqual([]);
});

function isTestCode(path: string): boolean {
  return /\.(test|conformance|bench)\.ts$/.test(path) || /\/(testing|conformance)\//.test(path);
}

function packageOf(path: string): string {
  return path.split('/')[1]!;
}

function arrowsOf(file: string): Arrow[] {
  return specifiersOf(file)
    .map((specifier) => /^@mainstay\/([^/]+)/.exec(specifier)?.[1])
    .filter((to) => to !== undefined)
    .map((to) => ({ file, from: packageOf(file), to }));
}

function leavesPackage(file: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) return false;
  const target = normalize(join(dirname(file), specifier));
  return !target.startsWith(`packages/${packageOf(file)}/`);
}

function specifiersOf(path: string): string[] {
  const matches = read(path).matchAll(
    /(?:^|[\s;])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|import\s*\(\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm,
  );
  return [...matches].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}
