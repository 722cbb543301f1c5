import type { Person } from './frame-types.ts';

/** The JSON of a person. The id comes first: `own-message.ts` and the store read it there. */
export function personJson({ id, name, kind }: Person): string {
  return JSON.stringify({ id, name, kind });
}
