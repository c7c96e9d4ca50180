/**
 * The address under which people reach a control plane behind a reverse proxy, and the path prefix that stands in it. One
 * rule for every program that takes such an address; what a control plane cannot serve is refused before it starts.
 */
import { AppError } from './errors.ts';

/** First segments of paths that are the control plane's own: no page of the dashboard lives under them. */
export const reservedSegments: readonly string[] = [
  'api',
  'auth',
  'agent',
  'webhooks',
  'mcp',
  'metrics',
  'livez',
  'readyz',
  'assets',
];

export type PublicUrl = {
  /** Without a slash at the end, such as `https://example.com/panel`. */
  url: string;
  /** Path before every path of the control plane, such as `/panel`; empty without one. */
  prefix: string;
};

/** Reads a public address. @throws AppError InvalidInput that names `public_url` and what to give instead. */
export function parsePublicUrl(text: string): PublicUrl {
  const refuse = (why: string, hint = 'Give one such as https://example.com or https://example.com/panel.') =>
    new AppError('InvalidInput', `The public URL ${JSON.stringify(text.slice(0, 200))} ${why}.`, {
      field: 'public_url',
      hint,
    });
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw refuse('is not an http or https address');
  if (url.username || url.password) {
    throw new AppError('InvalidInput', 'The public URL holds a user or a password.', {
      field: 'public_url',
      hint: 'Leave them out: the address is shown to people.',
    });
  }
  if (url.search || url.hash) throw refuse('holds a query or a fragment');
  const prefix = url.pathname.replace(/\/$/, '');
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(prefix) || prefix.length > 200) {
    throw refuse('has a path that is not of plain segments', 'Use letters, digits, ".", "_", "~" and "-" in its path.');
  }
  const first = prefix.split('/')[1] ?? '';
  if (reservedSegments.includes(first)) {
    throw refuse(`begins its path with /${first}, which is a path of the control plane`, 'Choose another path prefix.');
  }
  return { url: `${url.origin}${prefix}`, prefix };
}
