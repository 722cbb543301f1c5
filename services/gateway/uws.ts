/**
 * uWebSockets.js with its settings in place and its types corrected. All files of this folder
 * import the library from here, never directly.
 */
// Must come before the next import: the library reads the limit when it is loaded.
import './header-limit.ts';
import * as uws from 'uWebSockets.js';
import {
  type HttpResponse,
  App as NativeApp,
  type HttpRequest as NativeRequest,
  type TemplatedApp as NativeTemplatedApp,
  type us_listen_socket,
} from 'uWebSockets.js';
import { clientAddress } from '#libs/http/client-address.ts';
import { HeaderLines } from '#libs/http/header-lines.ts';

// Otherwise the library adds its name and version to every answer. Its types do not declare this
// switch.
Reflect.get(uws, '_cfg')('silent');

export { us_listen_socket_close, us_socket_local_port } from 'uWebSockets.js';
export type { HttpResponse, us_listen_socket };

/**
 * `LIBUS_LISTEN_EXCLUSIVE_PORT`: no other process may listen on the port. The library's types do
 * not export it.
 */
export const EXCLUSIVE_PORT = 1;
/** `LIBUS_LISTEN_DEFAULT`: processes share the port (Linux). */
export const SHARED_PORT = 0;

/** A request of uWS, with the real type of `getQuery`: the library's types leave out undefined. */
export interface HttpRequest extends Omit<NativeRequest, 'getQuery'> {
  /** The query without its question mark: '' after a bare one, undefined if there is none. */
  getQuery(): string | undefined;
}

/**
 * An app of uWS with the overload of `listen` that takes host and options. The library's types
 * leave it out.
 */
export type TemplatedApp = NativeTemplatedApp & {
  listen(host: string, port: number, options: number, listened: (socket: us_listen_socket | false) => void): unknown;
};

/** Creates an app of uWS. */
export const App = NativeApp as () => TemplatedApp;

/** The head of a request, copied out of uWS's request object. */
export interface RequestHead {
  readonly method: string;
  /** As on the request line, not decoded. */
  readonly path: string;
  /** Without its question mark; '' if there is none. */
  readonly query: string;
  /** Path and query as on the request line. */
  readonly url: string;
  readonly headers: HeaderLines;
  /** The address of the other end of the connection. It may be a proxy. */
  readonly peer: string;
}

/** Copies the head of a request. Call it before the first `await`: uWS reuses `req` afterwards. */
export function readHead(res: HttpResponse, req: HttpRequest): RequestHead {
  const headers = new HeaderLines();
  req.forEach((name, value) => {
    headers.add(name, value);
  });
  const path = req.getUrl();
  const query = req.getQuery();
  return {
    method: req.getCaseSensitiveMethod(),
    path,
    query: query ?? '',
    url: query === undefined ? path : `${path}?${query}`,
    headers,
    peer: clientAddress(Buffer.from(res.getRemoteAddressAsText()).toString(), '', 0),
  };
}
