export { cutNetwork, fillDisk, freeDisk, healNetwork, hinderNetwork, killUnit, type WireFault } from './faults.ts';
export type { HostExecOptions, HostRecord, HostState } from './host.ts';
export type { LocalHost } from './local-host.ts';
export * from './local-hosts.ts';
export { type HostKind, hostKinds } from './machine.ts';
