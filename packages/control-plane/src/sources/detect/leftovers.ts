/** What a repository holds that is not used, said aloud, so that nobody waits for it. */
import { containerNotes } from './containers.ts';
import { isLookedAt } from './detect.ts';
import { type Folder, parentOf } from './view.ts';

const platforms = [
  'fly.toml',
  'render.yaml',
  'vercel.json',
  'netlify.toml',
  'app.yaml',
  'railway.json',
  'railway.toml',
  'nixpacks.toml',
  'captain-definition',
  'heroku.yml',
];

const unknown_languages: readonly (readonly [RegExp, string])[] = [
  [/^pom\.xml$/, 'Java (Maven)'],
  [/^build\.gradle(\.kts)?$/, 'Java or Kotlin (Gradle)'],
  [/\.(cs|fs)proj$/, '.NET'],
  [/^mix\.exs$/, 'Elixir'],
  [/^deno\.jsonc?$/, 'Deno'],
  [/^build\.sbt$/, 'Scala'],
  [/^Package\.swift$/, 'Swift'],
  [/^stack\.yaml$|\.cabal$/, 'Haskell'],
];

export async function leftoverNotes(top: Folder, root: string): Promise<string[]> {
  const notes = await containerNotes(top, (path) => isLookedAt(parentOf(path), root));
  const settings = platforms.filter((file) => top.has(file));
  if (settings.length > 0) notes.push(`Settings of other platforms are not used: ${settings.join(', ')}.`);
  for (const [pattern, language] of unknown_languages) {
    const path = top.below.find(
      (candidate) =>
        isLookedAt(parentOf(candidate), root) && pattern.test(candidate.slice(candidate.lastIndexOf('/') + 1)),
    );
    if (path)
      notes.push(`${path} says ${language}, for which nothing is proposed yet: say yourself how it is built and run.`);
  }
  if (top.has('.gitmodules'))
    notes.push('There are submodules (.gitmodules). They are not fetched: their folders are empty.');
  if (/\bfilter=lfs\b/.test((await top.read('.gitattributes')) ?? '')) {
    notes.push('Files in Git LFS (.gitattributes) are not fetched: they are pointers.');
  }
  return notes;
}
