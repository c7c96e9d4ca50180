/** A process that mirrors a database one entry a commit, and says when it began: to be killed. Usage: mirror-child.ts DATABASE */
import { dirname, join } from 'node:path';
import { silentLogger, systemClock, systemExec } from '@mainstay/runtime';
import { openStore } from '../../store/store.ts';
import { createMirror } from '../mirror.ts';

const path = process.argv[2]!;
const store = await openStore(path);
const folder = join(dirname(path), 'audit-mirror');
const base = { store, clock: systemClock, log: silentLogger(), exec: systemExec, keeper: null, folder };
const mirror = createMirror({ ...base, apart_ms: 1, anchored_apart_ms: 1e12, entries_per_commit: 1 });
console.log('begins');
for (;;) await mirror.next();
