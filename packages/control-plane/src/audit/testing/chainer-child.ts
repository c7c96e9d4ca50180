/** A process that chains a database without end, and says when it began: to be killed. Usage: chainer-child.ts DATABASE */
import { openStore } from '../../store/store.ts';
import { chainBatch } from '../chainer.ts';

const store = await openStore(process.argv[2]!);
console.log('begins');
for (;;) {
  if ((await chainBatch(store, 50)) === null) await new Promise((resolve) => setTimeout(resolve, 1));
}
