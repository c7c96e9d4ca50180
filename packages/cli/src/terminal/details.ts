/** Any JSON value for people: names and values, indented. Times and sizes are known by the names of their fields. */
import type { Paint } from './paint.ts';
import { safeText } from './text.ts';
import { bytesText, dateTimeText } from './time.ts';

/** Any JSON value as names and values, indented; lists of objects as a block each. */
export function detailLines(value: unknown, options: { paint: Paint }, indent = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${indent}${scalarText('', value)}`];
  const entries = Array.isArray(value)
    ? value.map((inner, at) => [String(at + 1), inner] as const)
    : Object.entries(value);
  return entries.flatMap(([name, inner]) => {
    const label = options.paint('dim', `${safeText(name.replaceAll('_', ' '))}:`);
    if (inner === null || inner === undefined) return [];
    if (typeof inner !== 'object') return [`${indent}${label} ${scalarText(name, inner)}`];
    if (Array.isArray(inner) && inner.every((item) => typeof item !== 'object')) {
      return inner.length === 0 ? [] : [`${indent}${label} ${inner.map((item) => scalarText(name, item)).join(', ')}`];
    }
    const lines = detailLines(inner, options, `${indent}  `);
    return lines.length === 0 ? [] : [`${indent}${label}`, ...lines];
  });
}

function scalarText(name: string, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number' && /(_at|^at|^since)$/.test(name)) return dateTimeText(value);
  if (typeof value === 'number' && name.endsWith('_bytes')) return bytesText(value);
  return safeText(String(value));
}
