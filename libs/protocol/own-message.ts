/** Tells whose message a stored message is, without parsing: its sender begins in a fixed way. */

/** The JSON of a sender up to the end of the id. */
function senderStart(user: string): string {
  return `{"id":${JSON.stringify(user)},`;
}

/** Whether a finished `message` member (`"message":{"id":...,"from":...`) is of this user. A message's own id has no quotes in it. */
export function isOwnMember(member: string, user: string): boolean {
  const from = '"from":';
  const at = member.indexOf(from);
  return at >= 0 && member.startsWith(senderStart(user), at + from.length);
}
