import type { Person } from '#libs/client/index.ts';
import { type KindLabels, kindLabel } from './kind-labels.ts';

/** A name for where plain text is all there is: without square brackets, which are the tag's. */
function bareName(name: string): string {
  return name.replaceAll('[', '(').replaceAll(']', ')');
}

/** Somebody, and in a room with a name of its own that, as the title of a notification: the tag first, `[guest] Bob`. */
export function plainName({ name, kind }: Pick<Person, 'name' | 'kind'>, words: KindLabels, room?: string): string {
  const word = kindLabel(kind, words);
  return `${word === undefined ? '' : `[${word}] `}${bareName(name)}${room === undefined ? '' : ` · ${bareName(room)}`}`;
}
