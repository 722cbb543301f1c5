import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsCodePoints } from '#libs/protocol/limits.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import { ack, joinedEnd, joinedHead, liveMessage, messageStart, messageTail, publishedAt } from '#libs/protocol/server-frame.ts';

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
          const item = JSON.parse(`{"offset":${offset},${frame.subarray(messageStart('a.b', offset)).toString()}`);
          expect(item).toEqual({ offset, message: parsed.message });
        },
      ),
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
    const head = joinedHead('"', 2, { room: 'park', epoch: 'e', offset: 9, recovered: true });
    expect(JSON.parse(head + joinedEnd(true))).toEqual({
      type: 'joined',
      id: '"',
      room: 'park',
      count: 2,
      epoch: 'e',
      offset: 9,
      recovered: true,
      messages: [],
      more: true,
    });
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
