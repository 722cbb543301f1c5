/** Fixed limits of the wire contract. What an operator may set is in `libs/config`. */

/** Longest `id` a client may give a frame, UTF-16 units. */
export const FRAME_ID_MAX = 64;
/** Longest room name, characters (R1). */
export const ROOM_NAME_MAX = 128;
/** Longest user id, characters. */
export const USER_ID_MAX = 128;
/** Rooms one `join` frame may name. */
export const JOIN_ROOMS_MAX = 100;
/** Messages of one `joined`, `resync` or `history` frame. */
export const PAGE_MESSAGES = 100;
/** Messages of a `history` frame whose client gave no `limit`. */
export const HISTORY_LIMIT = 50;
/** Bytes of messages in one `joined` or `resync` frame, yet always one message: stays well below the outbox limit of a socket. */
export const PAGE_BYTES = 64 * 1024;
/** Names in one `presence` answer. */
export const PRESENCE_NAMES = 100;
/** Rooms with more distinct users than this announce no single comings and goings. */
export const MEMBER_EVENTS_MAX = 200;
/** Invalid frames in `INVALID_WINDOW_MS` after which a connection is closed (F1). */
export const INVALID_FRAMES_MAX = 10;
export const INVALID_WINDOW_MS = 10_000;
/** `token_expiring` comes so many seconds before the end of a token, or this share of its life, whatever is less. */
export const EXPIRY_NOTICE_SECONDS = 60;
export const EXPIRY_NOTICE_SHARE = 0.2;
/** Bytes of a request's line and headers, beyond which it is answered 431: room for a token of 8 KB beside the rest (H3). */
export const HEAD_MAX_BYTES = 16 * 1024;
/** Seconds after which whoever is refused for a backend that is away, or a node that leaves, tries again, if nothing better is known. */
export const RETRY_SECONDS = 2;
/** Longest token taken, bytes (H3). */
export const TOKEN_MAX_BYTES = 8 * 1024;

/** Whether a text has at most `max` Unicode code points (F2). Counts only where the length in UTF-16 units leaves it open. */
export function fitsCodePoints(text: string, max: number): boolean {
  if (text.length <= max) return true;
  if (text.length > 2 * max) return false;
  let count = 0;
  for (const _ of text) {
    count += 1;
    if (count > max) return false;
  }
  return true;
}
