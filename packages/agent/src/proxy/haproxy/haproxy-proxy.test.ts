/** HAProxy: the laws of the port, and what is its own. */
import { silentLogger } from '@mainstay/runtime/log';
import { proxyConformance } from '../proxy.conformance.ts';
import { haproxyDifferences } from './differences.ts';
import { createHaproxyProxy } from './haproxy-proxy.ts';

const log = silentLogger();

proxyConformance('haproxy', (home) => createHaproxyProxy({ home, log }), haproxyDifferences);
