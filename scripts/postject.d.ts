/** postject comes without types. */
declare module 'postject' {
  export function inject(
    path: string,
    resource: string,
    content: Buffer,
    options: { sentinelFuse: string },
  ): Promise<void>;
}
