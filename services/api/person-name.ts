/** Names that people give themselves (A3, A5, A7). */
import { HubError } from '#libs/protocol/errors.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { lookAlike } from '#libs/store/name-key.ts';
import type { ApiParts } from './api-parts.ts';

/** Characters of a name at most (A3), as Unicode code points. */
export const NAME_MAX = 21;

/** The name as it is kept. @throws HubError `NAME_INVALID`, saying why. */
export function toPersonName(text: string): string {
  // A text of any length may come: a name has less.
  const name = tidyName(text.slice(0, TEXT_MAX));
  const fault = text.length > TEXT_MAX ? `has at most ${NAME_MAX} characters` : nameFault(name, { max: NAME_MAX, script: 'whole' });
  if (fault !== undefined) throw new HubError('NAME_INVALID', `A name ${fault}.`);
  if (name.normalize('NFKC').includes('@')) throw new HubError('NAME_INVALID', 'A name must have no @.');
  return name;
}

/** Code units of a text that is looked at: a name with marks, and blanks around it. */
const TEXT_MAX = 1000;

/**
 * That no agent, service or moderator could be taken for the bearer of the name.
 * @throws HubError `NAME_TAKEN`; rejects with `UNAVAILABLE`.
 */
export async function requireUnlike({ store, services }: Pick<ApiParts, 'store' | 'services'>, name: string): Promise<void> {
  const guarded = [...services.map((service) => service.name), ...(await store.names.guarded())];
  if (lookAlike(name, guarded) !== undefined) throw new HubError('NAME_TAKEN');
}
