/** uWebSockets.js with its settings in place, and its types as they are. Everything in this folder imports it from here, never directly. */
// Evaluated before the next import: the limit must be set when the library is loaded.
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

// The library would name itself and its version in every answer; its types do not know the switch.
Reflect.get(uws, '_cfg')('silent');

export { us_listen_socket_close, us_socket_local_port } from 'uWebSockets.js';
export type { HttpResponse, us_listen_socket };

/** `LIBUS_LISTEN_EXCLUSIVE_PORT`, which the library's types do not export: no other process may listen on the port. */
export const EXCLUSIVE_PORT = 1;
/** `LIBUS_LISTEN_DEFAULT`: processes share the port (Linux). */
export const SHARED_PORT = 0;

/** Where the library's types promise a text, it gives none for a target without a question mark. */
export interface HttpRequest extends Omit<NativeRequest, 'getQuery'> {
  /** The query without its question mark: '' after a bare one, undefined if there is none. */
  getQuery(): string | undefined;
}

/** The library takes host and options together, which its types do not know. */
export type TemplatedApp = NativeTemplatedApp & {
  listen(host: string, port: number, options: number, listened: (socket: us_listen_socket | false) => void): unknown;
};

export const App = NativeApp as () => TemplatedApp;

export interface RequestHead {
  readonly method: string;
  /** As it stands on the request line, nothing decoded. */
  readonly path: string;
  /** Without its question mark; '' where there is none. */
  readonly query: string;
  /** Path and query, as on the request line. */
  readonly url: string;
  readonly headers: HeaderLines;
  /** The other end of the connection, which may be a proxy. */
  readonly peer: string;
}

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
