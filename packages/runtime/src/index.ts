export * from './clock.ts';
export * from './exec.ts';
export * from './git.ts';
export * from './log.ts';
export * from './shutdown.ts';
