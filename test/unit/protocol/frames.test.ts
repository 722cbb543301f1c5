import { describe, expect, it } from 'vitest';
import { CLIENT_FRAMES, type ClientFrameRow, SERVER_FRAMES, type ServerFrameRow } from '#libs/protocol/frames.ts';
import type { Members, MemberType } from '#libs/protocol/member-types.ts';

const client = Object.entries<ClientFrameRow>(CLIENT_FRAMES);
const server = Object.entries<ServerFrameRow>(SERVER_FRAMES);

/** A type and all that it is made of. */
function partsOf(type: MemberType): MemberType[] {
  if (type.type === 'object') return [type, ...Object.values<MemberType>(type.members).flatMap(partsOf)];
  return type.type === 'array' ? [type, ...partsOf(type.items)] : [type];
}

/** Members of an example that its table does not have, and those that it lacks. */
function faults(members: Members, example: object): string[] {
  const unknown = Object.keys(example).filter((name) => !(name in members));
  const missing = Object.entries(members).filter(([name, { optional }]) => optional !== true && !(name in example));
  return [...unknown, ...missing.map(([name]) => name)];
}

describe('the table of frames', () => {
  it.each(client)('has for the client frame %s an answer that is there, a mark of its own and an example', (_, row) => {
    const { answer, mark, refuses, unless, members, example } = row;
    if (answer !== undefined) expect(Object.keys(SERVER_FRAMES)).toContain(answer);
    if (mark === undefined) expect([row.type, refuses, unless]).toEqual([undefined, undefined, undefined]);
    else expect(members[mark]?.optional).not.toBe(true);
    const { id: _id, ...rest } = example;
    expect(faults(members, rest)).toEqual([]);
  });

  it.each(server)('has for the server frame %s an example, with an id if it is an answer', (type, { members, example, isAnswer }) => {
    expect(faults(members, example)).toEqual([]);
    const answers = client.some(([, { answer }]) => answer === type);
    expect('id' in members).toBe(answers || type === 'error');
    if (isAnswer === true) expect(answers).toBe(true);
  });

  it('has words for each limit of a string that a client may break', () => {
    for (const type of client.flatMap(([, { members }]) => Object.values(members).flatMap(partsOf))) {
      if (type.type !== 'string') continue;
      const isLimited = [type.minLength, type.maxLength, type.pattern, type.wellFormed].some((limit) => limit !== undefined);
      expect(type.takes !== undefined, JSON.stringify(type)).toBe(isLimited);
    }
  });
});
