/** What others wrote is shown as text, whatever it holds: nothing of it runs, loads, hides or breaks a page. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dashboard, no_browser, overflowOf, settled, startDashboard, type Window } from './browser.ts';
import { makeRepository, type Repository } from './repository.ts';
import { clientOf, nodeServiceOf, runStack, served, untilServed } from './stack.ts';

const markup = `<img src="http://evil.example/x.png" onerror="alert(1)"><script>alert(2)</script>`;
const reversed = '\u202Egnp.exe\u202C';
const wide = '𝕏'.repeat(60);
const subject = `${markup} \u001b[31mred\u001b[0m \u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007 ${reversed} 👩‍👩‍👧‍👧 ${wide} javascript:alert(3)`;
const branch = '"><img/src=x/onerror=alert(4)>👾';
const value = `${markup}\u0007\u202E${'v'.repeat(300)}`;

/** Prints everything that a terminal or a browser could take amiss, a line of 1 MB among it. */
const program = `import { createServer } from 'node:http';
const lines = [
  ${JSON.stringify(markup)},
  '\\u001b[2J\\u001b[1;1H\\u001b]0;title\\u0007\\u001b]8;;http://evil.example\\u0007link\\u001b]8;;\\u0007 cleared',
  '\\u0000\\u0001\\u0008\\u007f\\u009b31m controls',
  'before \\u202E reversed \\u2066 isolated \\ufeff end',
  'carriage\\rreturn',
  '👩‍👩‍👧‍👧'.repeat(50) + ' families',
  'Z\\u0351\\u036b\\u0343\\u032a'.repeat(60) + ' zalgo',
  '{"level":"error","msg":"<b>bold</b>"}',
  'x'.repeat(1_000_000) + ' the end of it',
];
for (const line of lines) console.log(line);
process.stdout.write(Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x0a]));
console.log('after all of it');
createServer((request, response) => {
  response.end(process.env.GREETING ? 'there' : 'not there');
}).listen(process.env.PORT, '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
`;

/** Ends at once, with words that are as bad. */
const dying = `console.error(${JSON.stringify(`FATAL ${markup} \u001b[31m${reversed}`)}); process.exit(3);`;

let dashboard: Dashboard;
let repository: Repository;
let window: Window;
/** What a page did that nothing on it may make it do. */
const happened: string[] = [];

beforeAll(async () => {
  if (no_browser) return;
  dashboard = await startDashboard();
  repository = makeRepository(join(dashboard.home, 'hostile'));
  repository.commit(subject, { 'server.mjs': program, 'package.json': JSON.stringify({ name: markup }) });
  repository.branch(branch);
  const service = nodeServiceOf(repository, { env: { GREETING: value } });
  await runStack(dashboard, 'hostile', { web: service });
  await untilServed(dashboard, 'there');
  window = await dashboard.window();
  const { page } = window;
  page.on('dialog', (dialog) => {
    happened.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('popup', (popup) => happened.push(`popup: ${popup.url()}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(dashboard.url) && !/^(data|blob):/.test(url)) happened.push(`request: ${url}`);
  });
});
afterAll(() => dashboard?.close());

/** Elements that the data asked for, and that must not be there. */
function injected(): Promise<number> {
  return window.page.evaluate(
    () =>
      document.querySelectorAll(
        '#root [onerror], #root script, #root img[src*="evil"], a[href*="evil.example"], a[href^="javascript:" i]',
      ).length,
  );
}

async function isHarmless(path: string): Promise<void> {
  const { page, complaints } = window;
  for (const width of [1360, 390]) {
    await page.setViewportSize({ width, height: 844 });
    await settled(page);
    expect(await overflowOf(page), `${path} at ${width} pixels`).toBe(0);
  }
  await page.setViewportSize({ width: 1360, height: 900 });
  expect(await injected(), path).toBe(0);
  expect(happened, path).toEqual([]);
  expect(complaints, path).toEqual([]);
  // No control character reaches the page, and none that turns the direction of text by force.
  const bare = await page.evaluate(() => {
    const isUnseen = (code: number) => (code < 0x20 && code !== 9 && code !== 10) || code === 0x7f;
    const turns = (code: number) => code >= 0x202a && code <= 0x202e;
    const codes = [...document.body.innerText].map((character) => character.codePointAt(0) ?? 0);
    return codes.filter((code) => isUnseen(code) || turns(code)).length;
  });
  expect(bare, path).toBe(0);
}

describe.skipIf(no_browser)('hostile data', () => {
  test('in commits, configuration and environment is text on every page that shows it', async () => {
    const { page, open } = window;
    const pages: readonly (readonly [path: string, shows: string | null])[] = [
      ['/', null],
      ['/stacks/hostile', '<script>alert(2)</script>'],
      ['/stacks/hostile?tab=map', null],
      ['/stacks/hostile?tab=map&view=list', null],
      ['/stacks/hostile?tab=releases', '<script>alert(2)</script>'],
      ['/stacks/hostile?tab=configuration', null],
      ['/stacks/hostile?tab=file', '<script>alert(2)</script>'],
      ['/stacks/hostile?act=deploy', null],
      ['/stacks/hostile/services/web?tab=releases', '<script>alert(2)</script>'],
      ['/stacks/hostile/services/web?tab=health', null],
      ['/events', null],
      ['/servers/local?tab=services', null],
    ];
    for (const [path, shows] of pages) {
      await open(path);
      await settled(page);
      if (shows) await page.locator('main').getByText(shows).first().waitFor();
      await isHarmless(path);
    }
    await open('/stacks/hostile?tab=environment');
    await expect
      .poll(() =>
        page
          .locator('main input, main textarea')
          .evaluateAll((fields) => fields.map((field) => (field as HTMLInputElement).value).join('\n')),
      )
      .toContain('<script>alert(2)</script>');
    await isHarmless('environment');
  });

  test('in branches and in what a repository is found to be is text in the form of a new stack', async () => {
    const { page, open } = window;
    await open(`/stacks/new?git=${encodeURIComponent(repository.path)}`);
    const ref = page.getByRole('combobox', { name: 'Branch or tag' });
    await expect.poll(() => ref.inputValue(), { timeout: 30_000 }).toBe('main (default)');
    await ref.click();
    await page.getByRole('option', { name: branch }).waitFor();
    await page.getByRole('option', { name: branch }).click();
    await expect.poll(() => ref.inputValue()).toBe(branch);
    await page.getByText('<script>alert(2)</script>').first().waitFor();
    await isHarmless('new stack');
  });

  test('in log lines is text: escapes do nothing, controls are seen, the longest line stays in its place', async () => {
    const { page, open } = window;
    await open('/stacks/hostile/services/web');
    const log = page.getByRole('log');
    await log.getByText('after all of it').waitFor();
    await log.getByText(markup, { exact: true }).waitFor();
    await log.getByText(/^link cleared|link cleared$/).waitFor();
    await log.getByText('\ufffd␁␈␡').waitFor();
    await log.getByText('families').waitFor();
    await isHarmless('log');
    await page
      .getByRole('button', { name: /Show the whole line/ })
      .first()
      .click();
    const dialog = page.getByRole('dialog', { name: 'The whole line' });
    await dialog.waitFor();
    expect(await overflowOf(page)).toBe(0);
    await page.keyboard.press('Escape');
    await open('/stacks/hostile/services/web?wrap=true');
    await log.getByText('after all of it').waitFor();
    await isHarmless('wrapped log');
  });

  test('in the words of a failure is text: in the dialog, on the stack, in operation, events and crash reports', async () => {
    const { page, open } = window;
    repository.commit(`${markup} \u202E dies`, { 'server.mjs': dying });
    await open('/stacks/hostile?act=deploy');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Deploy' }).click();
    await dialog.getByText('Failed', { exact: true }).first().waitFor();
    await dialog.getByText('<script>alert(2)</script>').first().waitFor();
    await isHarmless('dialog of the deployment');
    const href = await dialog.getByRole('link', { name: 'Open the operation' }).getAttribute('href');
    for (const path of [href ?? '', '/stacks/hostile', '/stacks/hostile/services/web?tab=crashes']) {
      await open(path);
      await settled(page);
      await page.locator('main').getByText('<script>alert(2)</script>').first().waitFor();
      await isHarmless(path);
    }
    for (const path of ['/', '/events', '/events?severity=error', '/servers/local?tab=events']) {
      await open(path);
      await isHarmless(path);
    }
    expect(await served(dashboard)).toBe('there');
  });

  test('in an address is text or nothing', async () => {
    const { page, open } = window;
    const bad = encodeURIComponent(markup);
    for (const path of [
      `/stacks/${bad}`,
      `/servers/${bad}`,
      `/stacks/hostile/services/${bad}`,
      `/events?q=${bad}`,
      `/stacks/new?git=javascript:alert(1)`,
    ]) {
      await open(path);
      await settled(page);
      await isHarmless(path);
    }
  });

  test('has a policy before it that lets no script or style of another run', async () => {
    const response = await fetch(dashboard.url);
    const policy = response.headers.get('content-security-policy') ?? '';
    const directives = new Map(
      policy
        .split(';')
        .map((part) => part.trim().split(/\s+/))
        .map(([name = '', ...rest]) => [name, rest.join(' ')]),
    );
    expect(directives.get('script-src')).toBe("'self'");
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|unsafe-hashes|https?:|\*/);
    expect(directives.get('object-src') ?? directives.get('default-src')).toBe("'none'");
    expect(directives.get('base-uri')).toMatch(/^'(none|self)'$/);
    expect(directives.get('frame-ancestors')).toBe("'none'");
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
    expect(html).not.toMatch(/\son\w+=/);
    // The data of the API is no page either, should somebody open it as one.
    const spec = await clientOf(dashboard)['stacks.export']({ stack: 'hostile' });
    expect(spec.yaml).toContain('onerror');
    const api = await fetch(`${dashboard.url}/api/v1/stacks`);
    expect(api.headers.get('x-content-type-options')).toBe('nosniff');
    expect(api.headers.get('content-type')).toMatch(/^application\/json/);
  });
});
