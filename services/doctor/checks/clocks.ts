import { broken, type Check, type Finding, holds } from '../check.ts';

/** A logout or a ban acts within two seconds, and is compared by time with the tokens it ends. */
const APART_MAX_MS = 2000;

/** The clocks of this machine, of Redis and of PostgreSQL, compared with each other. */
export const clocks: Check = {
  name: 'clocks',
  async run(patient) {
    const masters = (await patient.redis()) ?? [];
    const facts = await patient.database().catch(() => undefined);
    const all = [
      { name: 'this machine', aheadMs: 0 },
      ...masters.map(({ address, aheadMs }) => ({ name: `Redis ${address}`, aheadMs })),
      ...(facts === undefined ? [] : [{ name: 'PostgreSQL', aheadMs: facts.aheadMs }]),
    ].toSorted((a, b) => a.aheadMs - b.aheadMs);
    const [first, last] = [all[0], all.at(-1)];
    if (first === undefined || last === undefined || all.length === 1) return [];
    const apart = last.aheadMs - first.aheadMs;
    const seconds = (apart / 1000).toFixed(1);
    const finding: Finding =
      apart > APART_MAX_MS
        ? broken(
            `The clock of ${last.name} is ${seconds} s ahead of that of ${first.name}: tokens end too early or too late, and times of messages are wrong.`,
            'Let every machine follow NTP (chrony, systemd-timesyncd).',
          )
        : holds(`The clocks are within ${seconds} s of each other.`);
    return [finding];
  },
};
