/**
 * The two facts about a room that the client needs, from its name. The hub's table
 * (`libs/protocol/room-kinds.ts`) would take 170 of the package's 8,000 bytes; a test holds these
 * against it.
 */

/** Whether messages of the room come without `join` (R5). */
export function isPrivateRoom(name: string): boolean {
  return /^(pair|conv|dm):/.test(name);
}

/**
 * Whether the hub makes the room (R2). Its offsets never fall if it keeps history. Otherwise they
 * begin again after Redis lost them.
 */
export function isManagedRoom(name: string): boolean {
  return name.startsWith('group:') || isPrivateRoom(name);
}
