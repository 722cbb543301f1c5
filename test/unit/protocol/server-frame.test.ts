import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SERVER_FRAMES, type ServerFrameRow } from '#libs/protocol/frames.ts';
import { fitsCodePoints } from '#libs/protocol/limits.ts';
import { eventJson, eventTail } from '#libs/protocol/room-event.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import {
  ack,
  buildFrame,
  buildPage,
  frameHeadOf,
  isMessageFrame,
  itemStart,
  JsonText,
  joinedEnd,
  joinedHead,
  joinedLive,
  liveMessage,
  messageMember,
  messageOf,
  messageTail,
  personJson,
  publishedAt,
} from '#libs/protocol/server-frame.ts';

const AT = 1_700_000_000_123;

describe('server frames', () => {
  it('[M3] a message is valid JSON whatever is said, and gives back its stamp and its member without parsing', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 1e12 }),
        (text, name, offset) => {
          const sender = JSON.stringify({ id: 'u', name });
          const frame = Buffer.from(`{"offset":${offset},${messageTail('a.b', 'mid', sender, text, '{"x":1}', AT)}`);
          const parsed = JSON.parse(frame.toString());
          expect(parsed).toMatchObject({
            offset,
            room: 'a.b',
            type: 'message',
            message: { id: 'mid', from: { id: 'u' }, data: { x: 1 }, at: AT },
          });
          expect(publishedAt(frame)).toBe(AT);
          expect(isMessageFrame(frame)).toBe(true);
          expect(frameHeadOf(frame)).toEqual({ room: 'a.b', offset });
          const item = JSON.parse(`{"offset":${offset},${frame.subarray(itemStart('a.b', frame)).toString()}`);
          expect(item).toEqual({ offset, message: parsed.message });
        },
      ),
    );
  });

  it('[M7] an event is valid JSON whatever it brings, and gives back its stamp, its place and its member without parsing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 1e12 }), fc.option(fc.nat(1e6)), (text, offset, place) => {
        const target = place === null ? undefined : { offset: place + 1, id: 'm' };
        const state = JSON.stringify({ id: 'm', text });
        const event = { id: 'e"', kind: text, target, version: target && 3, message: target && state, at: AT };
        const frame = Buffer.from(`{"offset":${offset},${eventTail('a.b', eventJson(event))}`);
        const parsed = JSON.parse(frame.toString());
        expect(parsed).toEqual({
          offset,
          type: 'event',
          room: 'a.b',
          event: JSON.parse(JSON.stringify({ ...event, message: target && JSON.parse(state) })),
        });
        expect(publishedAt(frame)).toBe(AT);
        expect(isMessageFrame(frame)).toBe(false);
        expect(frameHeadOf(frame)).toEqual({ room: 'a.b', offset });
        const item = JSON.parse(`{"offset":${offset},${frame.subarray(itemStart('a.b', frame)).toString()}`);
        expect(item).toEqual({ offset, event: parsed.event });
      }),
    );
  });

  it('[R3] a message of a room that keeps nothing has no offset', () => {
    const frame = JSON.parse(liveMessage('live:x', 'mid', '{"id":"u","name":"U"}', 'hi', undefined, AT));
    expect(frame).toEqual({ room: 'live:x', type: 'message', message: { id: 'mid', from: { id: 'u', name: 'U' }, text: 'hi', at: AT } });
  });

  it('[F] an answer carries the id it was asked with, escaped', () => {
    expect(JSON.parse(ack('a"b', 'park', 'm', 4, AT))).toEqual({
      type: 'ack',
      id: 'a"b',
      room: 'park',
      message: { id: 'm', offset: 4, at: AT },
    });
  });
});

/** A frame's members without its type. */
function membersOf(text: string): never {
  const { type: _, ...members } = JSON.parse(text);
  return members as never;
}

describe('frames of the table', () => {
  const rows = Object.entries<ServerFrameRow>(SERVER_FRAMES);

  it.each(rows)('[F] %s is built from its members, in the order of the table', (type, { example, members }) => {
    const reversed = Object.fromEntries(Object.entries({ ...example, unknown: 1 }).reverse());
    const built = buildFrame(type as keyof typeof SERVER_FRAMES, reversed as never);
    expect(JSON.parse(built)).toEqual({ type, ...example });
    const order = ['type', ...Object.keys(members)];
    expect(Object.keys(JSON.parse(built))).toEqual(order.filter((name) => name === 'type' || name in example));
  });

  it('[F] take finished JSON as it is', () => {
    expect(buildFrame('typing', { room: 'park', user: new JsonText('{"id":"ann", "name":"Ann"}') })).toBe(
      '{"type":"typing","room":"park","user":{"id":"ann", "name":"Ann"}}',
    );
    const member = messageMember('m', '{"id":"u","name":"U"}', 'x', '1.0', AT);
    expect(buildFrame('offline_message', { room: 'dm:x', offset: 3, message: messageOf(member) })).toBe(
      `{"type":"offline_message","room":"dm:x","offset":3,${member}`,
    );
  });

  it('[F] with messages come in two parts, whatever stands in their other members', () => {
    const [head, end] = buildPage('history', { id: '"messages":[', room: 'park', more: true });
    expect(`${head}ITEMS${end}`).toBe('{"type":"history","id":"\\"messages\\":[","room":"park","messages":[ITEMS],"more":true}');
  });
});

describe('frames built by hand', () => {
  const id = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  const offset = fc.nat(Number.MAX_SAFE_INTEGER);
  const room = fc.stringMatching(/^[A-Za-z0-9._~,:-]{1,128}$/);

  it('[F] ack is what the table says, byte by byte', () => {
    fc.assert(
      fc.property(id, room, fc.option(offset, { nil: undefined }), (label, name, place) => {
        const message = { id: 'mid', ...(place === undefined ? {} : { offset: place }), at: AT };
        expect(ack(label, name, 'mid', place, AT)).toBe(buildFrame('ack', { id: label, room: name, message }));
      }),
    );
  });

  it('[F] joined is what the table says, byte by byte', () => {
    fc.assert(
      fc.property(id, room, offset, fc.boolean(), fc.boolean(), (label, name, place, recovered, more) => {
        const head = { room: name, count: 2, epoch: 'e', offset: place, recovered };
        expect([joinedHead(label, head), joinedEnd(more)]).toEqual(buildPage('joined', { id: label, ...head, more }));
        const live = { id: label, room: name, count: 2, recovered: false, messages: [], more: false };
        expect(joinedLive(label, name, 2)).toBe(buildFrame('joined', live));
      }),
    );
  });

  it('[F] message has the members of the table, and no others', () => {
    const { room: name, offset: place, message } = SERVER_FRAMES.message.example;
    const { id: mid, from, text, at } = message;
    const stream = `{"offset":${place},${messageTail(name, mid, personJson(from), text, '{"x":1}', at)}`;
    const live = liveMessage(name, mid, personJson(from), text, undefined, at);
    expect(JSON.parse(stream)).toEqual({ ...SERVER_FRAMES.message.example, type: 'message', message: { ...message, data: { x: 1 } } });
    expect(JSON.parse(live)).toEqual({ type: 'message', room: name, message });
    for (const text of [stream, live]) expect(JSON.parse(buildFrame('message', membersOf(text)))).toEqual(JSON.parse(text));
    // Inside `message` the order is the table's, too.
    expect(Object.keys(JSON.parse(stream).message)).toEqual(Object.keys(SERVER_FRAMES.message.members.message.members));
  });
});

describe('room names', () => {
  it('[R1] are 1-128 of a fixed set', () => {
    for (const name of ['park', 'a', 'A.b_c~d-e,f:g', 'x'.repeat(128)]) expect(isRoomName(name)).toBe(true);
    for (const name of ['', 'x'.repeat(129), 'a b', 'a/b', 'ä', 'a\n', '"', '{', 'a\0']) expect(isRoomName(name)).toBe(false);
  });
});

describe('fitsCodePoints', () => {
  it('[F2] counts code points, not UTF-16 units', () => {
    expect(fitsCodePoints('😀'.repeat(200), 200)).toBe(true);
    expect(fitsCodePoints('😀'.repeat(201), 200)).toBe(false);
    expect(fitsCodePoints('a'.repeat(200), 200)).toBe(true);
    expect(fitsCodePoints('a'.repeat(201), 200)).toBe(false);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.nat(40), (text, max) => fitsCodePoints(text, max) === [...text].length <= max));
  });
});
