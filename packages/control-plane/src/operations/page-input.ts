/** What pages of lists have in common: one place to begin at, and a span of time that is not empty. */
import { AppError } from '@mainstay/contract/errors';

export type PageInput = {
  after?: number | undefined;
  before?: number | undefined;
  around?: number | undefined;
  from?: number | undefined;
  to?: number | undefined;
};

/** @throws AppError InvalidInput that names the field which contradicts another. */
export function checkPage(input: PageInput): void {
  const places = (['after', 'before', 'around'] as const).filter((name) => input[name] !== undefined);
  if (places.length > 1) {
    throw new AppError('InvalidInput', `"${places[0]}" and "${places[1]}" are both given.`, {
      field: places[1]!,
      hint: 'Give one of them: a page begins at one place.',
    });
  }
  if (input.from !== undefined && input.to !== undefined && input.from > input.to) {
    throw new AppError('InvalidInput', '"to" is before "from".', { field: 'to', hint: 'Exchange them.' });
  }
}
