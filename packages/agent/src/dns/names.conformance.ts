/** What every adapter of the names port does, checked against files, sockets or a whole host. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Names, NamesMechanism } from './names.ts';

export type NamesHarness = {
  names: Names;
  /** The adapter as the next process has it. */
  again(): Names;
  /** Addresses that a program of this server gets for a name; none when there is no such name. */
  lookUp(name: string): Promise<string[]>;
  /** All that the adapter may change, to compare. */
  snapshot(): Promise<string>;
  /** Does to it what a person might. */
  tamper(): Promise<void>;
  close(): Promise<void>;
};

const shop = { domain: 'svc.internal', services: [{ name: 'api', port: 37_901 }] };
const both = { ...shop, services: [...shop.services, { name: 'web-2', port: 37_902 }] };

export function namesConformance(how: NamesMechanism, start: () => Promise<NamesHarness>): void {
  describe(`names by ${how}`, () => {
    let harness: NamesHarness;
    beforeEach(async () => {
      harness = await start();
    });
    afterEach(() => harness.close());

    test('services are known by their names once they are applied, and nothing else is', async () => {
      await harness.names.apply(shop);
      expect(await harness.lookUp('api.svc.internal')).toEqual(['127.0.0.1']);
      expect(await harness.lookUp('web-2.svc.internal')).toEqual([]);
      expect(await harness.names.observe()).toEqual({ state: 'active', how, drift: null });
    });

    test('applying twice changes nothing', async () => {
      await harness.names.apply(both);
      const once = await harness.snapshot();
      await harness.names.apply(both);
      expect(await harness.snapshot()).toBe(once);
    });

    test('what is applied later replaces what was before', async () => {
      await harness.names.apply(both);
      await harness.names.apply({ domain: 'corp.internal', services: [{ name: 'web-2', port: 37_902 }] });
      expect(await harness.lookUp('web-2.corp.internal')).toEqual(['127.0.0.1']);
      expect(await harness.lookUp('api.svc.internal')).toEqual([]);
      expect(await harness.lookUp('web-2.svc.internal')).toEqual([]);
    });

    test('removal takes everything back to the byte, and may be repeated', async () => {
      const before = await harness.snapshot();
      await harness.names.apply(both);
      expect(await harness.snapshot()).not.toBe(before);
      await harness.names.remove();
      await harness.names.remove();
      expect(await harness.snapshot()).toBe(before);
      expect(await harness.lookUp('api.svc.internal')).toEqual([]);
      expect((await harness.names.observe()).state).toBe('none');
    });

    test('the next process takes the names up, and removes what the one before applied', async () => {
      const before = await harness.snapshot();
      await harness.names.apply(shop);
      await harness.names.close();
      const next = harness.again();
      await next.apply(shop);
      expect(await harness.lookUp('api.svc.internal')).toEqual(['127.0.0.1']);
      await next.close();
      await harness.again().remove();
      expect(await harness.snapshot()).toBe(before);
    });

    test('what somebody changed is told as drift, and put back by applying again', async () => {
      await harness.names.apply(shop);
      await harness.tamper();
      const observed = await harness.names.observe();
      expect(observed).toEqual({ state: 'down', how, drift: expect.stringMatching(/\w+.*\.$/) });
      await harness.names.apply(shop);
      expect(await harness.names.observe()).toEqual({ state: 'active', how, drift: null });
      expect(await harness.lookUp('api.svc.internal')).toEqual(['127.0.0.1']);
    });

    test.each([
      ['names.domain', { ...shop, domain: 'svc.internal\n10.0.0.1 bank' }],
      ['names.domain', { ...shop, domain: '' }],
      ['names.services.0.name', { ...shop, services: [{ name: 'a b', port: 1 }] }],
      ['names.services.0.name', { ...shop, services: [{ name: 'a.b', port: 1 }] }],
      ['names.services.0.port', { ...shop, services: [{ name: 'api', port: 65_536 }] }],
    ])('a bad %s is refused by its name, and changes nothing', async (field, wanted) => {
      const before = await harness.snapshot();
      await expect(harness.names.apply(wanted)).rejects.toMatchObject({ code: 'InvalidInput', field });
      expect(await harness.snapshot()).toBe(before);
    });
  });
}
