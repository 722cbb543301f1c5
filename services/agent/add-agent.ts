import { hashPassword, PASSWORD_MAX, PASSWORD_MIN } from '#libs/auth/password.ts';
import type { AgentStore } from '#libs/store/store.ts';

/** What a token may have as a name: see `libs/auth/credentials.ts`. No blanks at its ends, nothing that cannot be seen. */
const NAME = /^(?! )[^\p{C}\p{Zl}\p{Zp}]{1,64}(?<! )$/u;

/** Why there is no such agent now; the message is for the person who asked. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
}

/** Makes an agent. Throws `AgentError` for a name or password that cannot be one, and for a name that is taken. */
export async function addAgent(
  agents: Pick<AgentStore, 'create'>,
  { id, name, password }: { readonly id: string; readonly name: string; readonly password: string },
): Promise<void> {
  const shown = name.normalize('NFC');
  if (!NAME.test(shown)) throw new AgentError('a name has 1 to 64 characters, none of them invisible, and no blanks at its ends.');
  const length = [...password].length;
  if (length < PASSWORD_MIN || length > PASSWORD_MAX) throw new AgentError(`a password has ${PASSWORD_MIN} to ${PASSWORD_MAX} characters.`);
  const outcome = await agents.create({ id, name: shown, passwordHash: await hashPassword(password) });
  if (outcome === 'name-taken') throw new AgentError(`there is an agent called ${shown} already.`);
}
