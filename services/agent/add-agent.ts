import { hashPassword, PASSWORD_MAX, PASSWORD_MIN } from '#libs/auth/password.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { lookAlike } from '#libs/store/name-key.ts';
import type { Store } from '#libs/store/store.ts';

/** Characters of a name, as in a token. */
const NAME_MAX = 64;

/** Why there is no such agent now; the message is for the person who asked. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

/** Makes an agent. Throws `AgentError` for a name or password that cannot be one, and for a name that is taken, or looks like another agent's. */
export async function addAgent(
  { agents, names }: Pick<Store, 'agents' | 'names'>,
  { id, name, password }: { readonly id: string; readonly name: string; readonly password: string },
): Promise<void> {
  const shown = tidyName(name);
  const fault = name === name.trim() ? nameFault(shown, { max: NAME_MAX, script: 'whole' }) : 'must have no blanks at its ends';
  if (fault !== undefined) throw new AgentError(`a name has 1 to ${NAME_MAX} characters, and this one cannot be one: it ${fault}.`);
  const length = [...password].length;
  if (length < PASSWORD_MIN || length > PASSWORD_MAX) throw new AgentError(`a password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters.`);
  const taken = async () => `there is ${(await agents.byName(shown)) === undefined ? 'an account' : 'an agent'} called ${shown} already.`;
  if (await names.isTaken(shown)) throw new AgentError(await taken());
  const like = lookAlike(shown, await names.guarded());
  if (like !== undefined) throw new AgentError(`${shown} could be taken for ${like}.`);
  const outcome = await agents.create({ id, name: shown, passwordHash: await hashPassword(password) });
  if (outcome === 'name-taken') throw new AgentError(await taken());
}
