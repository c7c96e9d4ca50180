/** The HTTP request that an operation makes of its input. Loads no schemas, so that pages can use it. */

export type Routed = { readonly http: { readonly method: string; readonly path: string } };

/** Names of the `{…}` parameters of a route, in order. */
export function pathParameters(operation: Routed): string[] {
  return [...operation.http.path.matchAll(/\{([a-z_]+)\}/g)].map((match) => match[1]!);
}

export const apiPrefix = '/api/v1';

/** The HTTP request that an operation and its input make. Fields that the path does not take go to query or body. */
export function requestOf(
  operation: Routed,
  input: Record<string, unknown>,
): { method: string; path: string; body: string | null } {
  const rest = { ...input };
  let path = operation.http.path;
  for (const name of pathParameters(operation)) {
    path = path.replace(`{${name}}`, encodeURIComponent(String(rest[name] ?? '')));
    delete rest[name];
  }
  const { method } = operation.http;
  if (method === 'GET' || method === 'DELETE') {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(rest)) {
      if (value !== undefined) query.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
    const text = query.toString();
    return { method, path: `${apiPrefix}${path}${text ? `?${text}` : ''}`, body: null };
  }
  return { method, path: `${apiPrefix}${path}`, body: JSON.stringify(rest) };
}
