/** Names of rooms (R1). */
import { ROOM_NAME_MAX } from './limits.ts';

const NAME = new RegExp(`^[A-Za-z0-9._~\\-,:]{1,${ROOM_NAME_MAX}}$`);

/** R1: 1-128 of `A-Z a-z 0-9 . _ ~ - , :`. */
export function isRoomName(name: string): boolean {
  return NAME.test(name);
}
