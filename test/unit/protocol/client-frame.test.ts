import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameId, frameRoom, toClientFrame } from '#libs/protocol/client-frame.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { CLIENT_FRAMES, type ClientFrameRow } from '#libs/protocol/frames.ts';

function refusal(value: unknown): string {
  try {
    toClientFrame(value);
  } catch (error) {
    if (error instanceof HubError && error.code === 'INVALID_REQUEST') return error.message;
    throw error;
  }
  throw new Error('was taken');
}

const TYPES = [...new Set(Object.entries<ClientFrameRow>(CLIENT_FRAMES).map(([name, { type = name }]) => type))];

describe('toClientFrame', () => {
  it('[F1] takes a join of one room, and of many', () => {
    expect(toClientFrame({ type: 'join', id: '1', room: 'park', since: { epoch: 'e', offset: 3 } })).toEqual({
      name: 'join',
      id: '1',
      room: 'park',
      since: { epoch: 'e', offset: 3 },
    });
    expect(toClientFrame({ type: 'join', room: 'park', since: null })).toEqual({ name: 'join', id: undefined, room: 'park' });
    const rooms = [{ room: 'a' }, { room: 'b', since: { epoch: 'e', offset: 3 } }];
    expect(toClientFrame({ type: 'join', rooms })).toEqual({ name: 'join_many', id: undefined, rooms });
  });

  it('[F] takes `sessionId` for `room`, and `to` as a direct message', () => {
    expect(toClientFrame({ type: 'message', sessionId: 'conv:1', text: 'hi' })).toMatchObject({
      name: 'message_session',
      sessionId: 'conv:1',
    });
    expect(toClientFrame({ type: 'message', room: 'a', sessionId: 7, text: 'hi' })).toMatchObject({ name: 'message', room: 'a' });
    expect(toClientFrame({ type: 'message', room: 'a', to: 'u1', text: 'hi' })).toMatchObject({ name: 'message_direct', to: 'u1' });
  });

  it('[F1] takes a plain message by itself as the table takes one with `data`', () => {
    const odd = fc.oneof(fc.constantFrom(undefined, null, 7, '', 'a b', 'x'.repeat(129), 'den', '\ud800'), fc.string());
    const outcome = (frame: object): unknown => {
      try {
        return { ...toClientFrame(frame), data: undefined };
      } catch (error) {
        return HubError.from(error).message;
      }
    };
    fc.assert(
      fc.property(odd, odd, odd, fc.constantFrom(undefined, 'ann', 7), (id, room, text, to) => {
        fc.pre(text !== '');
        const frame = { type: 'message', id, room, text, to, other: 1 };
        expect(outcome(frame)).toEqual(outcome({ ...frame, data: 1 }));
      }),
    );
  });

  it('[F] ignores unknown members', () => {
    expect(toClientFrame({ type: 'ping', id: 'p', nonsense: { deep: [1] } })).toEqual({ name: 'ping', id: 'p' });
  });

  it.each([
    [{}, '`type`'],
    [{ type: 'shout' }, '`type`'],
    [{ type: 'join' }, '`room`'],
    [{ type: 'join', room: 'a b' }, '`room`'],
    [{ type: 'join', room: 'a', since: 3 }, '`since`'],
    [{ type: 'join', room: 'a', since: { epoch: 1, offset: 1 } }, '`since.epoch`'],
    [{ type: 'join', room: 'a', since: { epoch: 'e', offset: -1 } }, '`since.offset`'],
    [{ type: 'join', rooms: [] }, '`rooms`'],
    [{ type: 'join', rooms: Array.from({ length: 101 }, (_, n) => ({ room: `r${n}` })) }, '`rooms`'],
    [{ type: 'join', room: 'a', rooms: [{ room: 'b' }] }, '`rooms`'],
    [{ type: 'message', room: 'a' }, '`text`'],
    [{ type: 'message', room: 'a', text: '' }, '`text`'],
    [{ type: 'message', room: 'a', text: 7 }, '`text`'],
    [{ type: 'message', to: '', text: 'x' }, '`to`'],
    [{ type: 'history', room: 'a', limit: 101 }, '`limit`'],
    [{ type: 'history', room: 'a', before: 1.5 }, '`before`'],
    [{ type: 'query', query: 'all' }, '`query`'],
    [{ type: 'delivered', room: 'a' }, '`offset`'],
    [{ type: 'refresh' }, '`token`'],
    [{ type: 'ping', id: 'x'.repeat(65) }, '`id`'],
    [{ type: 'ping', id: 7 }, '`id`'],
    [[], 'object'],
    [null, 'object'],
  ])('[F1] refuses %j and names %s', (value, named) => {
    expect(refusal(value)).toContain(named);
  });

  it.each([
    [{ type: 'shout' }, `\`type\` must be one of ${TYPES.join(', ')}`],
    [{ type: 'join', room: 'a b' }, '`room` must be 1-128 of A-Z a-z 0-9 . _ ~ - , :'],
    [{ type: 'join', room: 'a', since: 3 }, '`since` must be {epoch,offset}'],
    [{ type: 'join', room: 'a', since: { epoch: 'e', offset: -1 } }, '`since.offset` must be a whole number from 0 to 9007199254740991'],
    [{ type: 'join', rooms: [] }, '`rooms` must be a list of 1-100 {room,since?}'],
    [{ type: 'join', rooms: [{ room: 'a', since: {} }] }, '`rooms.since.epoch` must be a string'],
    [{ type: 'join', room: 'a', rooms: [{ room: 'b' }] }, 'a join names `room` or `rooms`, not both'],
    [{ type: 'message', room: 'a', text: '' }, '`text` may be empty only beside `data`'],
    [{ type: 'message', to: '', text: 'x' }, '`to` must be a user id of 1-128 characters'],
    [{ type: 'history', room: 'a', limit: 101 }, '`limit` must be a whole number from 1 to 100'],
    [{ type: 'query', query: 'all' }, '`query` must be "onLineNumber"'],
    [{ type: 'ping', id: 7 }, '`id` must be a string of at most 64 characters, well-formed Unicode'],
  ])('[F1] says of %j what it takes', (value, words) => {
    expect(refusal(value)).toBe(words);
  });

  it('[F1] answers any JSON with a frame or INVALID_REQUEST, nothing else', () => {
    const names = Object.keys(CLIENT_FRAMES);
    const frame = fc.record(
      {
        type: fc.oneof(fc.constantFrom(...names), fc.string()),
        id: fc.jsonValue(),
        room: fc.oneof(fc.constant('park'), fc.jsonValue()),
        rooms: fc.jsonValue(),
        since: fc.jsonValue(),
        text: fc.jsonValue(),
        to: fc.jsonValue(),
        before: fc.jsonValue(),
        limit: fc.jsonValue(),
        offset: fc.jsonValue(),
        ['__proto__']: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(frame, fc.jsonValue()), (value) => {
        const parsed: unknown = JSON.parse(JSON.stringify(value));
        try {
          expect(names).toContain(toClientFrame(parsed).name);
        } catch (error) {
          expect(error).toBeInstanceOf(HubError);
          expect(error).toHaveProperty('code', 'INVALID_REQUEST');
        }
      }),
    );
  });

  it('gives the id even of a frame that is refused', () => {
    expect(frameId({ type: 'shout', id: 'q1' })).toBe('q1');
    expect(frameId({ id: 1 })).toBeUndefined();
    expect(frameId('text')).toBeUndefined();
  });
});

it('[F4] a frame that names a list of rooms, or a user, names no one room that its refusal could bear', () => {
  expect(frameRoom({ type: 'join', room: 'a' })).toBe('a');
  expect(frameRoom({ type: 'join', room: 'a', rooms: [{ room: 'b' }] })).toBeUndefined();
  expect(frameRoom({ type: 'join', room: 'a', rooms: null })).toBeUndefined();
  expect(frameRoom({ type: 'direct', room: 'a', to: 'bob' })).toBeUndefined();
});
