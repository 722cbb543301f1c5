/** The head of a request, copied out of uWS before the first await: its `req` is gone after that. */
import { clientAddress } from '#libs/http/client-address.ts';
import { HeaderLines } from '#libs/http/header-lines.ts';
import type { HttpRequest, HttpResponse } from './uws.ts';

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
