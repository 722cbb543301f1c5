import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { MessageFrame, readId, readStamp, TEXT_BYTES } from '#bench/load/message-frame.ts';
import { signToken } from '#bench/load/token.ts';

/** The payload of a short client frame whose mask key is zero. */
function payloadOf(frame: Buffer): string {
  const extended = ((frame[1] ?? 0) & 0x7f) === 126;
  const start = extended ? 8 : 6;
  expect((frame[1] ?? 0) & 0x80).toBe(0x80);
  expect(frame.subarray(start - 4, start)).toEqual(Buffer.alloc(4));
  const length = extended ? frame.readUInt16BE(2) : (frame[1] ?? 0) & 0x7f;
  expect(frame.length).toBe(start + length);
  return frame.subarray(start).toString();
}

describe('messages of the load', () => {
  it('are 128 bytes of text for the peers, stamped', () => {
    const payload = payloadOf(new MessageFrame((text) => text).stamped(1_234_567.9, 0));
    expect(payload).toHaveLength(TEXT_BYTES);
    expect(readStamp(Buffer.from(payload), 0, payload.length)).toBe(1_234_567);
  });

  it('carry the same text in an envelope, each with an id of its own', () => {
    const frame = new MessageFrame((text, id) => JSON.stringify({ type: 'message', id, text }));
    const first: unknown = JSON.parse(payloadOf(frame.stamped(5, 1)));
    const second: unknown = JSON.parse(payloadOf(frame.stamped(6, 2)));
    expect(first).toMatchObject({ type: 'message', id: '#0000000000000001', text: expect.stringMatching(/^@0000000000000005 .{110}$/) });
    expect(second).toMatchObject({ id: '#0000000000000002' });
  });

  it('are known again by the id that an ack repeats', () => {
    const frame = new MessageFrame((text, id) => `{"type":"ack","id":"${id}","text":"${text}"}`).stamped(0, 24_398_226_510_007);
    const payload = Buffer.from(payloadOf(frame));
    expect(readId(payload, 0, payload.length)).toBe(24_398_226_510_007);
    expect(readId(Buffer.from('{"type":"ack","id":"1"}'), 0, 23)).toBeNaN();
  });

  it('have no stamp where none is whole', () => {
    expect(readStamp(Buffer.from('no mark at all, nowhere in here'), 0, 31)).toBeNaN();
    expect(readStamp(Buffer.from('@12345'), 0, 6)).toBeNaN();
    expect(readStamp(Buffer.from('@000000000000000x '), 0, 18)).toBeNaN();
  });
});

describe('tokens of the load', () => {
  it('are HS256 JWTs of the user, good for an hour', () => {
    const [head = '', body = '', signature] = signToken('secret', 'ann', 1_000_000).split('.');
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toEqual({ sub: 'ann', name: 'ann', iat: 1_000, exp: 4_600 });
    expect(signature).toBe(createHmac('sha256', 'secret').update(`${head}.${body}`).digest('base64url'));
  });
});
