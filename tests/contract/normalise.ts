/** Takes out what may differ between two homes that went through the same: ids, times, keys, digests over them, ports. */

const volatileText: readonly (readonly [RegExp, string])[] = [
  [/\b(stk|srv|op|evt|usr|sec|crd|ins|enr|ses|key|run|aud|mns)_[0-9a-f]{32}\b/g, '$1_'],
  [/\b(rel|bld)_[0-9a-f]{24}\b/g, '$1_'],
  [/\bmtk_[\w-]{43}/g, 'mtk_'],
  [/\bmst_[A-Za-z0-9_-]{43}\.[0-9a-f]{64}\b/g, 'mst_'],
  [/\b[0-9a-f]{64}\b/g, 'digest'],
  [/\b[0-9a-f]{12}…/g, 'digest…'],
  [/(127\.0\.0\.1):\d+/g, '$1:port'],
  [/sign-in=[\w.-]+/g, 'sign-in='],
  [/\/webhooks\/[\w-]+/g, '/webhooks/'],
  [/ssh-ed25519 \S+/g, 'ssh-ed25519 key'],
  [/\d+ MiB free/g, 'MiB free'],
];

export function normalised(value: unknown, name = ''): unknown {
  if (typeof value === 'string') {
    // Keys, nonces and signatures, and where a home is.
    if (/^(secret|x|jti|jws|folder)$/.test(name)) return name;
    return volatileText.reduce((text, [pattern, plain]) => text.replace(pattern, plain), value);
  }
  // How far the audit chain, its anchors and its mirror are at that moment.
  if (name === 'anchors' || name === 'mirror') return name;
  if (typeof value === 'number') {
    if (/^(seq|total|pending|entries|anchors_checked)$/.test(name)) return 0;
    if (/^(from|to|times)$/.test(name) && value > 1e12) return 0;
    return /(_at|^at|^since|^cursor|^next|^time_ms)$/.test(name) ? 0 : value;
  }
  // A call in this process comes with no session and no token.
  if (name === 'is_current') return false;
  // Of usage over time: what was seen is the same, the minute in which it was is not.
  if (name === 'series' && Array.isArray(value)) return value.map(valuesSeen);
  if (Array.isArray(value)) {
    const items = value.map((item) => normalised(item, name));
    // Operations of the same millisecond have no order.
    return name === 'operations' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (value === null && /^(seq|hash)$/.test(name)) return name === 'seq' ? 0 : 'digest';
  if (typeof value !== 'object' || value === null) return value;
  // Some keys are ids.
  const entries = Object.entries(value).map(([key, inner]) => [normalised(key), normalised(inner, key)]);
  return Object.fromEntries(entries);
}

function valuesSeen(series: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(series).map(([key, column]) => [key, Array.isArray(column) ? [...new Set(column)].sort() : column]),
  );
}
