/** Times for people: how long ago, how long, and when on the clock of this machine. */
import { AppError } from '@mainstay/contract/errors';

/** `42 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

export function agoText(at_ms: number | null, now_ms: number): string {
  if (at_ms === null) return '';
  if (Math.abs(now_ms - at_ms) < 1_000) return 'now';
  return at_ms > now_ms ? `in ${durationText(at_ms - now_ms)}` : `${durationText(now_ms - at_ms)} ago`;
}

/** `2026-01-31 17:05:09`, local time. */
export function dateTimeText(at_ms: number): string {
  const date = new Date(at_ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockText(at_ms)}`;
}

/** `17:05:09`, local time. */
export function clockText(at_ms: number): string {
  const date = new Date(at_ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((value) => String(value).padStart(2, '0'))
    .join(':');
}

/** `512 MiB`, `1.5 GiB`. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return '';
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

const unit_ms = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A moment as people say it, in UTC milliseconds: so long ago (`90s`, `10m`, `2h`, `3d`), or a date on the clock of this machine. */
export function timeValue(field: string, text: string, now_ms: number): number {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  const at = ago
    ? now_ms - Number(ago[1]) * unit_ms[ago[2] as keyof typeof unit_ms]
    : /^\d{4}-\d\d-\d\d/.test(text)
      ? // A date alone would be read as one of UTC.
        Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'))
      : Number.NaN;
  if (Number.isFinite(at)) return Math.max(0, at);
  throw new AppError('InvalidInput', `"${field}": "${text.slice(0, 100)}" is not a time.`, {
    field,
    hint: 'Give how long ago, such as 10m, 2h or 3d, or a date such as 2026-01-31T17:05.',
  });
}
