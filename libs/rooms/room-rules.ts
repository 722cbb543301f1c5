/** Room kinds and their rules: who may enter, and what is kept (R2, R3). */
import type { ErrorCode } from '#libs/protocol/errors.ts';
import { roomPolicy } from '#libs/protocol/room-kinds.ts';

export interface RoomRulesOptions {
  /** Everyone may enter any open room (`OPEN_ROOMS`); otherwise the token's `rooms` claim must allow it. */
  readonly openRooms: boolean;
}

/** What of a token decides about rooms: its `rooms` claim, a list of names or `prefix*`. */
export interface RoomClaim {
  readonly rooms?: readonly string[] | undefined;
}

function claimAllows(claim: RoomClaim, room: string): boolean {
  return claim.rooms?.some((entry) => (entry.endsWith('*') ? room.startsWith(entry.slice(0, -1)) : entry === room)) ?? false;
}

export class RoomRules {
  readonly #openRooms: boolean;

  constructor(options: RoomRulesOptions) {
    this.#openRooms = options.openRooms;
  }

  /** Whether the room keeps a stream, or nothing. */
  keepsStream(room: string): boolean {
    return roomPolicy(room).retention !== 'none';
  }

  /** The code of a refusal, or undefined where the bearer of the claim may enter. Who is a member of a room that the hub makes is asked elsewhere: refused here. */
  refusal(claim: RoomClaim, room: string): ErrorCode | undefined {
    switch (roomPolicy(room).entry) {
      case 'everybody':
        return undefined;
      case 'members':
        return 'FORBIDDEN';
      case 'claim':
        return this.#openRooms || claimAllows(claim, room) ? undefined : 'FORBIDDEN';
    }
  }
}
