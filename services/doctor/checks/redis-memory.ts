import { advice, broken, type Check, holds } from '../check.ts';

/** `maxmemory-policy`: an evicting Redis drops jobs, presence and messages under load. */
export const redisMemory: Check = {
  name: 'Redis memory',
  async run(patient) {
    const masters = (await patient.redis()) ?? [];
    return masters.map(({ address, maxmemoryPolicy, maxmemoryBytes }) => {
      const todo = 'Set maxmemory-policy noeviction.';
      if (maxmemoryPolicy === 'noeviction') return holds(`Redis ${address} evicts nothing.`);
      const what = `Redis ${address} has maxmemory-policy ${maxmemoryPolicy}`;
      return maxmemoryBytes > 0
        ? broken(`${what} and a limit of ${maxmemoryBytes} bytes: once full it drops queued mails, presence and messages.`, todo)
        : advice(`${what}: once somebody limits its memory, it drops queued mails, presence and messages.`, todo);
    });
  },
};
