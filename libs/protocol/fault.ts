/** Errors of the language itself. Their messages quote no value from outside. */
const PLAIN = [TypeError, ReferenceError, RangeError];

/**
 * Describes a bug for a log: its name and its places in the code. The message of a parser or a
 * database may quote a text or a token, so it is left out.
 */
export function described(bug: unknown): object {
  if (!(bug instanceof Error)) return { name: 'no Error' };
  return {
    name: bug.name,
    ...(PLAIN.some((plain) => bug instanceof plain) && { reason: bug.message }),
    stack: placesOf(bug).join('\n'),
  };
}

/**
 * Returns the name of a bug and its first place outside of packages, which tell it from others in a
 * log line. One bug always gives one text, so there are no more texts than places in the code.
 *
 * @example `TypeError at Relay.publication (file:///srv/libs/hub/delivery/relay.ts:41:10)`
 */
export function nameAndPlace(bug: unknown): string {
  if (!(bug instanceof Error)) return 'no Error';
  const places = placesOf(bug);
  const place = places.find((line) => FILE.test(line) && !line.includes('node_modules') && !line.includes('node:')) ?? places[0];
  return place === undefined ? bug.name : `${bug.name} ${place.trim()}`;
}

const FILE = /[/\\].*:\d+:\d+\)?$/;

/** The lines of the stack without the message before them, in which lines may look like places. */
function placesOf({ stack = '', message }: Error): string[] {
  const head = stack.indexOf(message);
  return (head < 0 ? stack : stack.slice(head + message.length)).match(/^ +at .*$/gm) ?? [];
}
