/** The stable code of whatever went wrong, as in the hub's table of errors; `INTERNAL` where it has none. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'INTERNAL';
}

/** Doing the same once more cannot help. */
const FINAL: ReadonlySet<string> = new Set([
  'CLOSED',
  'FORBIDDEN',
  'INVALID_REQUEST',
  'MESSAGE_TOO_LONG',
  'ROOM_CLOSED',
  'ROOM_NOT_FOUND',
  'USER_NOT_FOUND',
]);

/** Whether the same may work when it is tried again. */
export function mayWorkLater(code: string): boolean {
  return !FINAL.has(code);
}

/** An error's code in words. */
export function problemText(problems: Readonly<Record<string, string>> & { readonly other: string }, code: string): string {
  return (Object.hasOwn(problems, code) ? problems[code] : undefined) ?? problems.other;
}
