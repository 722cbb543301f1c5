/** uWebSockets.js with its settings in place. Everything in this folder imports it from here, never directly. */
// Evaluated before the next import: the limit must be set when the library is loaded.
import './header-limit.ts';

export {
  App,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from 'uWebSockets.js';

/** `LIBUS_LISTEN_EXCLUSIVE_PORT`, which the library's types do not export: no other process may listen on the port. */
export const EXCLUSIVE_PORT = 1;
/** `LIBUS_LISTEN_DEFAULT`: processes share the port (Linux). */
export const SHARED_PORT = 0;
