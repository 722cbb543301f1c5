/** The arguments of `npm run agent` (A6). */
import { parseArgs } from 'node:util';
import { AgentError } from './add-agent.ts';

const USAGE = ['add NAME', 'list', 'reset NAME', 'remove NAME'].map((one) => `npm run agent -- ${one}`).join(', ');

/** A command and the name it is about; the name is empty for `list`. */
export interface Asked {
  readonly command: string;
  readonly name: string;
}

/** What the arguments ask for. @throws AgentError with the usage. */
export function askedFor(args: readonly string[]): Asked {
  let positionals: readonly string[];
  try {
    ({ positionals } = parseArgs({ args: [...args], allowPositionals: true }));
  } catch {
    throw new AgentError(`there are no options. Usage: ${USAGE}`);
  }
  const [command = '', name, ...rest] = positionals;
  if (command === 'list' && name === undefined) return { command, name: '' };
  if (!['add', 'reset', 'remove'].includes(command)) {
    throw new AgentError(command === '' ? `usage: ${USAGE}` : `there is no command ${command} of this form. Usage: ${USAGE}`);
  }
  if (name === undefined) throw new AgentError(`a name is missing. Usage: npm run agent -- ${command} NAME`);
  if (rest.length > 0) {
    throw new AgentError(`one name at a time. A name with spaces needs quotes: npm run agent -- ${command} "${[name, ...rest].join(' ')}"`);
  }
  return { command, name };
}
