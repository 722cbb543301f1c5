import { warningText } from '#libs/protocol/setting-warnings.ts';
import { durabilityFaults } from '#libs/store/database-facts.ts';
import { broken, type Check, holds } from '../check.ts';

/** What the promise of `ack` (M1) stands on. */
export const durability: Check = {
  name: 'durability',
  async run(patient) {
    const facts = await patient.database().catch(() => undefined);
    if (facts === undefined) return [];
    const faults = durabilityFaults(facts);
    if (faults.length > 0)
      return faults.map((fault) => broken(warningText(fault), 'As the sentence says, and reload or restart PostgreSQL.'));
    return [holds(`What is committed is on disk (fsync on, full_page_writes on, synchronous_commit ${facts.synchronousCommit}).`)];
  },
};
