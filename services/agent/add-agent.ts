import { hashPassword, PASSWORD_MAX, PASSWORD_MIN } from '#libs/auth/password.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { lookAlike } from '#libs/store/name-key.ts';
import type { Store } from '#libs/store/store.ts';

/** Characters of a name, as in a token. */
const NAME_MAX = 64;

/** The agent cannot be made. The message is for the person who asked. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

/**
 * Makes an agent. Throws `AgentError` if the name or the password is not allowed, or if the name is
 * taken or looks like another agent's.
 */
export async function addAgent(
  { agents, names }: Pick<Store, 'agents' | 'names'>,
  { id, name, password }: { readonly id: string; readonly name: string; readonly password: string },
): Promise<void> {
  const shown = tidyName(name);
  const fault = name === name.trim() ? nameFault(shown, { max: NAME_MAX, script: 'whole' }) : 'must not begin or end with a blank';
  if (fault !== undefined) throw new AgentError(`this name is not allowed: it ${fault}. A name has 1 to ${NAME_MAX} characters.`);
  requirePassword(password);
  const taken = async (): Promise<string> =>
    (await agents.byName(shown)) === undefined
      ? `there is an account called ${shown} already: choose another name.`
      : `there is an agent called ${shown} already: choose another name, or give this agent another password by npm run agent -- reset NAME`;
  if (await names.isTaken(shown)) throw new AgentError(await taken());
  const like = lookAlike(shown, await names.guarded());
  if (like !== undefined) throw new AgentError(`${shown} looks like ${like}, the name of somebody else: choose another name.`);
  const outcome = await agents.create({ id, name: shown, passwordHash: await hashPassword(password) });
  if (outcome === 'name-taken') throw new AgentError(await taken());
}

/** Checks the length of a password. @throws AgentError if it is not allowed. */
export function requirePassword(password: string): void {
  const length = [...password].length;
  if (length >= PASSWORD_MIN && length <= PASSWORD_MAX) return;
  throw new AgentError(`a password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters, not ${length}: leave it empty to get one.`);
}
