/** The hub's error code of an error. `INTERNAL` if it has none. */
export function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'INTERNAL';
}

/** Errors that a retry cannot help. */
const FINAL: ReadonlySet<string> = new Set([
  'CLOSED',
  'FORBIDDEN',
  'INVALID_REQUEST',
  'MESSAGE_TOO_LONG',
  'ROOM_CLOSED',
  'ROOM_NOT_FOUND',
  'USER_NOT_FOUND',
]);

/** Whether a retry may help. */
export function mayWorkLater(code: string): boolean {
  return !FINAL.has(code);
}

/** The text for an error code. */
export function problemText(problems: Readonly<Record<string, string>> & { readonly other: string }, code: string): string {
  return (Object.hasOwn(problems, code) ? problems[code] : undefined) ?? problems.other;
}
