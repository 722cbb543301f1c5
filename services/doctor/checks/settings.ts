import { ConfigError, loadConfig } from '#libs/config/config.ts';
import type { Environment } from '#libs/config/environment.ts';
import type { Role } from '#libs/config/setting.ts';
import { warningText } from '#libs/protocol/setting-warnings.ts';
import { advice, broken, type Check, type Finding, holds } from '../check.ts';

/** The settings of each program: those that stop its start, and those with which it warns. */
export const settings: Check = {
  name: 'settings',
  run: async ({ roles, env }) => settingsOf(roles, env),
};

/** The findings of these programs, each once. */
export function settingsOf(roles: readonly Role[], env: Environment | undefined): Finding[] {
  const found = new Map<string, Finding>();
  for (const role of roles) {
    try {
      for (const warning of loadConfig(role, env).warnings.map(warningText)) found.set(warning, advice(warning, 'As the sentence says.'));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems)
        found.set(problem, broken(problem, 'Set it as the sentence says: the program does not start otherwise.'));
    }
  }
  return found.size > 0 ? [...found.values()] : [holds(`The settings of ${roles.join(', ')} are good.`)];
}
