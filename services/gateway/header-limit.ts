/** Bytes of a request's headers: room for a token of 8 KB beside the rest (H3). Beyond it uWebSockets.js answers a plain 431. */
const HEADERS_MAX_BYTES = 16 * 1024;

// uWebSockets.js reads it once, when it is loaded: this module has to be evaluated before.
process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(HEADERS_MAX_BYTES);
