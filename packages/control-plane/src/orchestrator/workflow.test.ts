import { describe, expect, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import { defineWorkflow, workflow } from './workflow.ts';

const run = () => null;
const define = (steps: Parameters<typeof defineWorkflow>[0]['steps']) =>
  defineWorkflow({ name: 'example', version: 1, input: z.null(), steps });

describe('a workflow', () => {
  it('with a cycle is refused, and the cycle is named', () => {
    const cyclic = { a: { needs: ['c'], run }, b: { needs: ['a'], run }, c: { needs: ['b'], run }, d: { run } };
    expect(() => define(cyclic)).toThrow('its steps wait for each other: a → c → b → a');
    expect(() => define({ own: { needs: ['own'], run } })).toThrow('own → own');
  });

  it('with a need that is not there, a need twice, or no steps is refused', () => {
    expect(() => define({ a: { needs: ['nowhere'], run } })).toThrow('step "a" needs "nowhere", which is not there');
    expect(() => define({ a: { run }, b: { needs: ['a', 'a'], run } })).toThrow('step "b" needs "a" twice');
    expect(() => define({})).toThrow('it has no steps');
    expect(() => define({ a: { needs: ['toString'], run } })).toThrow('which is not there');
  });

  it('names the bound that a step does not keep', () => {
    expect(() => define({ a: { run, timeout_seconds: 0 } })).toThrow('timeout_seconds must be more than 0');
    expect(() => define({ a: { run, priority: 101 } })).toThrow('priority must be −100 to 100');
    expect(() => define({ a: { run, each: { list: () => [], batch_size: 0 } } })).toThrow(
      'batch_size must be 1 or more',
    );
    expect(() => define({ 'a b': { run } })).toThrow('"a b" is no name for a step');
    expect(() => defineWorkflow({ name: 'No!', version: 1, input: z.null(), steps: { a: { run } } })).toThrow('name');
  });

  it('of 10,000 steps in one chain is looked through without running out of stack', () => {
    const keys = Array.from({ length: 10_000 }, (_, place) => `s${place}`);
    const chain = Object.fromEntries(
      keys.map((key, place) => [key, { needs: place > 0 ? [keys[place - 1]!] : [], run }]),
    );
    expect(Object.keys(define(chain).steps)).toHaveLength(10_000);
    const closed = { ...chain, s0: { needs: ['s9999'], run } };
    expect(() => define(closed)).toThrow('its steps wait for each other');
  });

  it('gives each step the outputs that it needs, with their types, and no others', () => {
    const typed = workflow({ name: 'typed', version: 1, input: z.object({ ref: z.string() }) })
      .step('build', { run: async ({ input }) => ({ image: input.ref.toUpperCase() }) })
      .step('count', { run: (context) => context.commit([], 3) })
      .fanOut('roll_out', {
        needs: ['build'],
        each: { list: ({ outputs }) => [outputs.build.image.length] },
        run: ({ item }) => item.toFixed(),
        undo: ({ output }) => void output.trim(),
      })
      .step('tell', {
        needs: ['roll_out', 'count'],
        run: ({ outputs, ...rest }) => {
          const texts: string[] = outputs.roll_out;
          const count: number = outputs.count;
          expectTypeOf(outputs).not.toHaveProperty('build');
          return rest.attempt > 1 ? rest.park({ topic: 'x' }) : texts.length + count;
        },
      })
      .done();
    expect(Object.keys(typed.steps)).toEqual(['build', 'count', 'roll_out', 'tell']);
    const twice = () => workflow({ name: 'x', version: 1, input: z.null() }).step('a', { run }).step('a', { run });
    expect(twice).toThrow('step "a" is defined twice');
  });
});
