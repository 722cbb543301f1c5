/** Errors whose message is of the language's making and quotes no value that came from outside. */
const PLAIN = [TypeError, ReferenceError, RangeError];

/** What a log may say of a bug: name and places. Messages of a parser or of a database may quote a message's text or a token: they are left out. */
export function described(bug: unknown): object {
  if (!(bug instanceof Error)) return { name: 'no Error' };
  return {
    name: bug.name,
    ...(PLAIN.some((plain) => bug instanceof plain) && { reason: bug.message }),
    stack: placesOf(bug).join('\n'),
  };
}

/**
 * A bug's name and its first place outside of packages: what tells it from others in the text of a log line. The same each time, so there are no more of
 * them than places in the code.
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

/** The lines of the stack, without the message at its head: that may have lines that look like places. */
function placesOf({ stack = '', message }: Error): string[] {
  const head = stack.indexOf(message);
  return (head < 0 ? stack : stack.slice(head + message.length)).match(/^ +at .*$/gm) ?? [];
}
