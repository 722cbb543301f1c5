/** Names of rooms (R1). */
import { ROOM_NAME_MAX } from './limits.ts';

/** R1 as a regular expression, for schemas. */
export const ROOM_NAME_PATTERN = `^[A-Za-z0-9._~\\-,:]{1,${ROOM_NAME_MAX}}$`;

const NAME = new RegExp(ROOM_NAME_PATTERN);

/** R1: 1-128 of `A-Z a-z 0-9 . _ ~ - , :`. */
export function isRoomName(name: string): boolean {
  return NAME.test(name);
}
