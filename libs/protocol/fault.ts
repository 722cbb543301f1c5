/** Errors whose message is of the language's making and quotes no value that came from outside. */
const PLAIN = [TypeError, ReferenceError, RangeError];

/** What a log may say of a bug: name and places. Messages of a parser or of a database may quote a message's text or a token: they are left out. */
export function described(bug: unknown): object {
  if (!(bug instanceof Error)) return { name: 'no Error' };
  const places = bug.stack?.slice(bug.stack.search(/^ +at /m)) ?? '';
  return {
    name: bug.name,
    ...(PLAIN.some((plain) => bug instanceof plain) && { reason: bug.message }),
    stack: places.startsWith(' ') ? places : '',
  };
}
