/** The names port where names are not wanted, or cannot be had: it changes nothing. Services still have their URL variables. */
import { checkNames, type Names } from './names.ts';

export function createNoNames(): Names {
  return {
    apply: async (wanted) => checkNames(wanted),
    remove: async () => {},
    observe: async () => ({ state: 'none', how: 'none', drift: null }),
    close: async () => {},
  };
}
