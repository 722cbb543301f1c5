import { broken, type Check, holds } from '../check.ts';

/** That PostgreSQL answers, takes writes, and has the schema of this version. */
export const schema: Check = {
  name: 'PostgreSQL',
  async run(patient) {
    try {
      const facts = await patient.database();
      if (facts === undefined) return [];
      const { version, schemaProblem } = facts;
      if (schemaProblem === undefined) return [holds(`PostgreSQL ${version} answers, takes writes and has the schema of this version.`)];
      return [broken(`PostgreSQL ${version}: ${schemaProblem}.`, 'Run npm run migrate (or the command migrate of the image).')];
    } catch (error) {
      return [
        broken(`DATABASE_URL: ${reason(error)}.`, 'Correct DATABASE_URL, or start the server that it names: no message can be stored.'),
      ];
    }
  },
};

/** The innermost cause says most. It has no password. */
function reason(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reason))].join('; ');
  if (error instanceof Error && error.cause !== undefined) return reason(error.cause);
  return error instanceof Error ? error.message : String(error);
}
