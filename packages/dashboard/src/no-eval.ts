/** Keeps Zod from compiling schemas with `new Function`, which the page's policy forbids. To be imported before any schema. */
import { config } from 'zod';

config({ jitless: true });
