/** Whose words a stored message is: read off the fixed beginning of its sender, without parsing. */

/** How the JSON of a sender begins, whatever follows the id. */
function senderStart(user: string): string {
  return `{"id":${JSON.stringify(user)},`;
}

/** Whether a finished `message` member (`"message":{"id":...,"from":...`) is of this user. A message's own id has no quotes in it. */
export function isOwnMember(member: string, user: string): boolean {
  const from = '"from":';
  const at = member.indexOf(from);
  return at >= 0 && member.startsWith(senderStart(user), at + from.length);
}
