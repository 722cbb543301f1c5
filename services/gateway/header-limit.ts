import { HEAD_MAX_BYTES } from '#libs/protocol/limits.ts';

// uWebSockets.js reads it once, when it is loaded: this module has to be evaluated before.
process.env.UWS_HTTP_MAX_HEADERS_SIZE = String(HEAD_MAX_BYTES);
