import { advice, type Check, holds, unknown } from '../check.ts';

/** Whether Redis outlives its restart. Rooms with history do in any case: M1 rests on PostgreSQL. */
export const redisPersistence: Check = {
  name: 'Redis persistence',
  async run(patient) {
    const masters = (await patient.redis()) ?? [];
    return masters.map(({ address, appendOnly, snapshots }) => {
      if (appendOnly) return holds(`Redis ${address} writes a log (appendonly).`);
      const lost = 'queued mails, and messages of rooms without history, whose members are told (resync)';
      const todo = 'Set appendonly yes.';
      if (snapshots === undefined)
        return unknown(
          `Redis ${address} has no appendonly file, and this user may not ask for its snapshots.`,
          `${todo} Without either a restart loses ${lost}.`,
        );
      return snapshots === ''
        ? advice(`Redis ${address} keeps nothing on disk: its restart loses ${lost}.`, todo)
        : advice(`Redis ${address} keeps snapshots only (save ${snapshots}): its restart loses the newest ${lost}.`, todo);
    });
  },
};
