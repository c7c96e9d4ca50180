/** What a detector says of a folder: services without the names and routes that only the whole repository decides. */
import type { ServiceProposal } from '@mainstay/contract/operations/sources';
import type { Text } from './view.ts';

export type Draft = Omit<ServiceProposal, 'name' | 'root' | 'route' | 'env'> & {
  /** Root directory; empty for the top. */
  root: string;
  /** What it is called, where that is not the folder. */
  called: string | null;
  /** pages: what people open; api: answers programs; none: is not reached from outside. */
  serves: 'pages' | 'api' | 'none';
  /** Sources that were read, in which routes may be found. */
  texts: readonly Text[];
  /** Known by one file alone, without a manifest: not proposed below a service that is. */
  is_bare: boolean;
  /** The frame around other services: not proposed beside them. */
  is_frame: boolean;
};

export type Detection = { drafts: Draft[]; notes: string[] };

export const nothing: Detection = { drafts: [], notes: [] };

/** A draft with what most have in common. */
export function draftOf(
  given: Pick<Draft, 'root' | 'kind' | 'title' | 'run' | 'port' | 'health'> & Partial<Draft>,
): Draft {
  return {
    called: null,
    build: null,
    serves: 'api',
    texts: [],
    notes: [],
    is_bare: false,
    is_frame: false,
    ...given,
  };
}

export const no_listener = 'Nothing that was read listens on a port: it may be a tool, and no service.';
export const toldPort = { value: null, reason: 'The run command tells it to listen on $PORT.' };
export const pageHealth = { value: '/', reason: 'It serves pages, so that its first page must answer.' };

/** Files handed out as they are. Python's server is on most servers; $PORT needs a shell, and `exec` leaves none behind. */
export function fileServer(folder: string): string {
  const directory = folder === '' || folder === '.' ? '' : ` --directory ${folder}`;
  return `exec python3 -m http.server "$PORT" --bind 127.0.0.1${directory}`;
}

export const fileServerNotes = [
  'Python’s file server is small: no compression, no caching headers. It needs python3 on the server.',
];
