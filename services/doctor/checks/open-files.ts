import { ConfigError } from '#libs/config/config.ts';
import { connectionsFor, openFilesLimit } from '#libs/process/open-files.ts';
import { advice, broken, type Check, holds } from '../check.ts';

/** The limit that a login shell often has: a gateway of its own needs more. */
const FEW_FILES = 4096;

/** The limit of open files against `CONNECTIONS_MAX`. It is that of the doctor's own process. */
export const openFiles: Check = {
  name: 'open files',
  async run({ config: { connectionsMax } }) {
    const limit = openFilesLimit();
    try {
      const fit = connectionsFor(connectionsMax, limit);
      if (!Number.isFinite(fit)) return [holds('There is no limit of open files.')];
      const text = `This process may open ${limit} files: a gateway of the same limit has up to ${fit} connections`;
      if (connectionsMax === 0 && limit <= FEW_FILES)
        return [advice(`${text}.`, 'Raise the limit (LimitNOFILE, ulimit -n) to the connections that you expect, and 2 % more.')];
      return [holds(`${text}.`)];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map((problem) => broken(problem, 'Raise LimitNOFILE (systemd), ulimits (Docker) or the limit of the machine.'));
    }
  },
};
