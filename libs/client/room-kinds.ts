/**
 * What a client must know of rooms, by their names. The hub's table (`libs/protocol/room-kinds.ts`) would take
 * 170 of the package's 8,000 bytes; a test holds these against it.
 */

/** R5: messages of the room come without `join`. */
export function isPrivateRoom(name: string): boolean {
  return /^(pair|conv|dm):/.test(name);
}

/** R2: the hub makes the room. Its offsets never fall where it keeps history, else they begin anew where Redis lost them. */
export function isManagedRoom(name: string): boolean {
  return name.startsWith('group:') || isPrivateRoom(name);
}
