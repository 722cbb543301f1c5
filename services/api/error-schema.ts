/** How errors look in the schemas of routes. */
import { type TSchema, Type } from '@sinclair/typebox';
import { ERRORS } from '#libs/protocol/errors.ts';

/** The body of every answer that is not a success. */
const ErrorAnswer = Type.Object(
  {
    code: Type.String({ enum: Object.keys(ERRORS), description: 'What went wrong, for programs.' }),
    message: Type.String({ description: 'What went wrong, for people.' }),
    details: Type.Optional(
      Type.Array(Type.Object({ path: Type.String({ description: 'JSON pointer of the member.' }), message: Type.String() }), {
        description: 'What is wrong where, for a request that does not follow the schema.',
      }),
    ),
    requestId: Type.String({ description: 'Stands in the log too, and in the header X-Request-Id.' }),
  },
  { description: 'An error.' },
);

/** Schemas of these error statuses, to be spread into a route's `response`. 400, 413, 415, 500 and 503, and 401 and 403 of guarded routes, are there without. */
export function errors(...statuses: readonly number[]): Record<number, TSchema> {
  return Object.fromEntries(statuses.map((status) => [status, ErrorAnswer]));
}
