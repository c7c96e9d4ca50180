import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drift, fileDrift, loggedIn } from './drift.ts';
import { createDriftLog } from './drift-log.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-drift-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** One record of utmp(5). */
function record(type: number, pid: number, line: string, user: string, host: string): Buffer {
  const bytes = Buffer.alloc(384);
  bytes.writeInt16LE(type);
  bytes.writeInt32LE(pid, 4);
  bytes.write(line, 8);
  bytes.write(user, 44);
  bytes.write(host, 76);
  return bytes;
}

test('a file is as it was, changed at its time, or gone', () => {
  const path = join(folder, 'file');
  expect(fileDrift(path, 'text')).toMatchObject({ what: path, found: 'it is not there', changed_at: null });
  writeFileSync(path, 'text');
  expect(fileDrift(path, 'text')).toBeNull();
  const before = Date.now() - 1_000;
  writeFileSync(path, 'text and more');
  const found = fileDrift(path, 'text');
  expect(found?.found).toBe('another text');
  expect(found?.changed_at).toBeGreaterThan(before);
});

describe('who is logged in', () => {
  test('is who has a session whose process is alive, and from where', () => {
    const path = join(folder, 'utmp');
    const records = [
      record(7, process.pid, 'pts/0', 'ada', '192.0.2.7'),
      record(7, process.pid, 'tty1', 'root', ''),
      record(7, 2 ** 30, 'pts/1', 'gone', '192.0.2.8'),
      record(8, process.pid, 'pts/2', 'ended', ''),
      Buffer.alloc(100),
    ];
    writeFileSync(path, Buffer.concat(records));
    expect(loggedIn(path)).toEqual(['ada from 192.0.2.7 (pts/0)', 'root (tty1)']);
  });

  test('is nobody where nothing tells', () => expect(loggedIn(join(folder, 'none'))).toEqual([]));
});

test('drift is told once, with what is known, kept in number, and settled by its name', () => {
  const events: { kind: string; message: string }[] = [];
  const log = createDriftLog({ clock: { now: () => 1_000 }, emit: (event) => events.push(event), changed: () => {} });
  log.repaired({ ...drift('/etc/x', 'a', 'b'), changed_at: 500, by: 'logged in at the time: ada (pts/0)' });
  expect(events).toMatchObject([{ kind: 'drift.repaired' }]);
  expect(events[0]!.message).toBe(
    '/etc/x: b, changed at 1970-01-01T00:00:00.500Z; expected: a. It was put back. Who did it is not known for certain: logged in at the time: ada (pts/0).',
  );
  log.found({ ...drift('service web', 'it runs', 'it does not'), by: null });
  expect(events[1]!.message).toMatch(/It is being put back\. Who did it is not known\.$/);
  expect(log.list()[0]).toMatchObject({ what: 'service web', put_back_at: null });
  log.settled('service web');
  expect(log.list()[0]).toMatchObject({ what: 'service web', put_back_at: 1_000 });
  for (let i = 0; i < 30; i++) log.repaired(drift(`/etc/${'x'.repeat(2_000)}`, 'a', 'b'));
  expect(log.list()).toHaveLength(20);
  expect(log.list()[0]!.what).toHaveLength(1_000);
});
