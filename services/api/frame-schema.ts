/** The types of the protocol's tables as plain JSON Schema 2020-12. */
import type { Members, MemberType } from '#libs/protocol/member-types.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Unknown members are allowed: either side ignores them, so that both may grow. */
function objectSchema(members: Members): JsonSchema {
  const types = Object.entries(members);
  return {
    type: 'object',
    properties: Object.fromEntries(types.map(([name, type]) => [name, memberSchema(type)])),
    required: types.filter(([, type]) => type.optional !== true).map(([name]) => name),
  };
}

/** The schema of one member. */
export function memberSchema({ optional: _, ...type }: MemberType): JsonSchema {
  const description = type.description === undefined ? {} : { description: type.description };
  switch (type.type) {
    case 'string': {
      const { known, wellFormed, emptyBeside, takes, ...schema } = type;
      return known === undefined ? schema : { ...schema, enum: known };
    }
    case 'integer':
    case 'number':
    case 'boolean':
      return type;
    case 'const':
      return { const: type.value, type: typeof type.value, ...description };
    case 'any':
      return description;
    case 'object':
      return { ...objectSchema(type.members), ...description };
    case 'array':
      return { ...type, items: memberSchema(type.items) };
  }
}

/** The schema of a frame: its members, and the rules between them. */
export function frameSchema(type: string, members: Members): JsonSchema {
  const { properties, required, ...object } = objectSchema(members) as {
    readonly properties: object;
    readonly required: readonly string[];
  };
  const rules = Object.entries(members).flatMap(([name, member]) =>
    member.type === 'string' && member.emptyBeside !== undefined
      ? [{ anyOf: [{ properties: { [name]: { minLength: 1 } } }, { required: [member.emptyBeside] }] }]
      : [],
  );
  return {
    ...object,
    properties: { type: { const: type, type: 'string' }, ...properties },
    required: ['type', ...required],
    additionalProperties: true,
    ...(rules.length === 0 ? {} : { allOf: rules }),
  };
}
