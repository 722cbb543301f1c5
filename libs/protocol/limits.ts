/** Fixed limits of the wire contract. What an operator may set is in `libs/config`. */

/** Longest `id` of a frame, UTF-16 units. */
export const FRAME_ID_MAX = 64;
/** Longest room name, characters (R1). */
export const ROOM_NAME_MAX = 128;
/** Longest user id, characters. */
export const USER_ID_MAX = 128;
/** Most rooms in one `join` frame. */
export const JOIN_ROOMS_MAX = 100;
/** Most messages in one `joined`, `resync` or `history` frame. */
export const PAGE_MESSAGES = 100;
/** Most messages in a `history` answer if the client gives no `limit`. */
export const HISTORY_LIMIT = 50;
/**
 * Most bytes of messages in one page; one message is always sent. Far below the outbox limit of a
 * socket.
 */
export const PAGE_BYTES = 64 * 1024;
/** Most frames in one text frame of a connection that takes arrays (F9), in both directions. */
export const BATCH_FRAMES_MAX = 64;
/** Most bytes of such an array that the hub sends, unless it has one item. */
export const BATCH_BYTES_MAX = 16 * 1024;
/** Most users in one `presence` answer. */
export const PRESENCE_NAMES = 100;
/** Rooms with more distinct users than this send no `member` frames. */
export const MEMBER_EVENTS_MAX = 200;
/** A connection is closed at this many invalid frames within `INVALID_WINDOW_MS` (F1). */
export const INVALID_FRAMES_MAX = 10;
export const INVALID_WINDOW_MS = 10_000;
/**
 * `token_expiring` comes this many seconds before the end of a token, or this share of its life,
 * whichever is less (F6).
 */
export const EXPIRY_NOTICE_SECONDS = 60;
export const EXPIRY_NOTICE_SHARE = 0.2;
/** A request whose line and headers have more bytes is answered 431 (H3). A token of 8 KB fits. */
export const HEAD_MAX_BYTES = 16 * 1024;
/**
 * Seconds after which a client tries again if a backend is away or the node shuts down, and no
 * better time is known.
 */
export const RETRY_SECONDS = 2;
/** Longest accepted token, bytes (H3). */
export const TOKEN_MAX_BYTES = 8 * 1024;

/** The longest text in a conversation, in code points, unless the settings allow more or fewer bytes. */
export const CONVERSATION_CHARS = 2000;
/** Bytes of JSON that a code point may take: an escaped surrogate pair, `\ud83d\ude00`. */
const CHAR_BYTES = 12;
/** Bytes of a frame beside its text: the names of its members, ids, a room. */
const FRAME_SPARE_BYTES = 1024;

/** The bytes of a frame that always suffice for a text of so many code points, without `data`. */
export function frameBytesFor(chars: number): number {
  return CHAR_BYTES * chars + FRAME_SPARE_BYTES;
}

/** The code points of a text that always fits into a frame of so many bytes. */
export function charsThatFit(frameBytes: number): number {
  return Math.floor((frameBytes - FRAME_SPARE_BYTES) / CHAR_BYTES);
}

/**
 * Whether a text has at most `max` Unicode code points (F2). Counts only if the length in UTF-16
 * units does not decide.
 */
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
