import { CONNECTIONS_OF_A_PROGRAM } from '#libs/store/store-postgres.ts';
import { advice, broken, type Check, holds } from '../check.ts';

/** The least number of programs of a hub that people rely on: two gateways, two APIs, two workers. */
const PROGRAMS = 6;

/** Whether PostgreSQL has connections for the pools of the programs. */
export const connections: Check = {
  name: 'connections',
  async run(patient) {
    const facts = await patient.database().catch(() => undefined);
    if (facts === undefined) return [];
    const { connectionsMax, connections: used } = facts;
    const text = `PostgreSQL has ${connectionsMax} connections for this user, and ${used} are in use; a program takes up to ${CONNECTIONS_OF_A_PROGRAM}`;
    const todo = 'Raise max_connections (or the limit of the user or database), or put pgbouncer in between.';
    const programs = Math.floor(connectionsMax / CONNECTIONS_OF_A_PROGRAM);
    if (programs < 1) return [broken(`${text}: that is too few for one program.`, todo)];
    if (programs < PROGRAMS)
      return [advice(`${text}: that is enough for ${programs} program(s), and a hub of two of each has ${PROGRAMS}.`, todo)];
    return [holds(`${text}: enough for ${programs} programs.`)];
  },
};
