export * from './keeper.ts';
