/** Sets the largest request head that uWebSockets.js accepts. */
import { HEAD_MAX_BYTES } from '#libs/protocol/limits.ts';

// The library reads the variable once, when it is loaded. So this module is imported before it.
process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(HEAD_MAX_BYTES);
