import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import { decodeRoomSignal, decodeUserSignal, encode, type RoomSignal, signalHead, type UserSignal } from '#libs/protocol/signals.ts';

const FRAME = '{"type":"inform","body":"Zoë"}';
const ADA = '{"id":"ada","name":"Zoë","kind":"user"}';

/** Every kind with the bytes that nodes of release 0.2 send and understand. */
const ROOM: Readonly<Record<RoomSignal['kind'], [RoomSignal<string>, string]>> = {
  frame: [{ kind: 'frame', frame: FRAME }, FRAME],
  entered: [{ kind: 'entered', count: 12, user: ADA }, `~+12 ${ADA}`],
  left: [{ kind: 'left', count: 0, user: ADA }, `~-0 ${ADA}`],
  counted: [{ kind: 'counted', count: 1_000_000 }, '~=1000000'],
  typing: [{ kind: 'typing', node: 'a~1', frame: FRAME }, `~ta~1 ${FRAME}`],
  pushed: [{ kind: 'pushed', frame: FRAME }, `~i${FRAME}`],
  closed: [{ kind: 'closed', reason: 'expired' }, '~cexpired'],
};
const USER: Readonly<Record<UserSignal['kind'], [UserSignal<string>, string]>> = {
  frame: [{ kind: 'frame', frame: FRAME }, FRAME],
  stored: [{ kind: 'stored', frame: FRAME }, `~h${FRAME}`],
  streamed: [{ kind: 'streamed', epoch: 'e1', frame: FRAME }, `~pe1 ${FRAME}`],
  login: [{ kind: 'login', login: 'l1' }, '~kl1'],
  session: [{ kind: 'session', session: 'tab', frame: FRAME }, `~stab ${FRAME}`],
  membership: [{ kind: 'membership', room: 'group:1' }, '~xgroup:1'],
  privateClosed: [
    { kind: 'privateClosed', room: 'pair:1', reason: 'closed' },
    buildFrame('room_closed', { room: 'pair:1', reason: 'closed' }),
  ],
};

const bytes = (text: string): Buffer => Buffer.from(text);
/** With frames as text. */
const read = (signal: object): object =>
  'frame' in signal && signal.frame instanceof Uint8Array ? { ...signal, frame: Buffer.from(signal.frame).toString() } : signal;

describe('signals', () => {
  it.each(Object.values(ROOM))('of a room: %o is %s on the wire, both ways', (signal, wire) => {
    expect(encode(signal)).toBe(wire);
    expect(read(decodeRoomSignal(bytes(wire)))).toEqual(signal);
  });

  it.each(Object.values(USER))('of a user: %o is %s on the wire, both ways', (signal, wire) => {
    expect(encode(signal)).toBe(wire);
    expect(read(decodeUserSignal(bytes(wire)))).toEqual(signal);
  });

  it('have a letter each, no digit and no brace: digits are versions', () => {
    const kinds = [...Object.keys(ROOM), ...Object.keys(USER)].filter((kind) => kind !== 'frame' && kind !== 'privateClosed');
    const heads = kinds.map((kind) => signalHead(kind as Parameters<typeof signalHead>[0]));
    expect(new Set(heads).size).toBe(kinds.length);
    for (const head of heads) expect(head).toMatch(/^~[^\d{]$/);
  });

  it('hand a frame on as a view of the bytes that came', () => {
    for (const [wire, decode] of [
      [`~h${FRAME}`, decodeUserSignal],
      [`~pe1 ${FRAME}`, decodeUserSignal],
      [FRAME, decodeRoomSignal],
      [`~i${FRAME}`, decodeRoomSignal],
    ] as const) {
      const came = bytes(wire);
      const signal = decode(came);
      if (!('frame' in signal)) throw new Error(`no frame in ${wire}`);
      expect(signal.frame.buffer).toBe(came.buffer);
      expect(Buffer.from(signal.frame).toString()).toBe(FRAME);
    }
  });

  it('say that a room is over whatever the reason', () => {
    expect(decodeRoomSignal(bytes('~cmoved'))).toEqual({ kind: 'closed', reason: 'closed' });
    expect(decodeUserSignal(bytes('{"type":"room_closed","room":"pair:1","reason":"moved","to":"x"}'))).toEqual({
      kind: 'privateClosed',
      room: 'pair:1',
      reason: 'closed',
    });
  });
});

describe('signals that this release does not know', () => {
  it.each([
    ['~qden', 1, 'q'],
    ['~2hden', 2, 'h'],
    ['~9', 9, ''],
    ['~\u0001', 1, ''],
    ['~', 1, ''],
    ['!x', 0, '!'],
    ['', 0, ''],
  ])('%j is of version %i, letter %j', (wire, version, letter) => {
    for (const decode of [decodeRoomSignal, decodeUserSignal]) expect(decode(bytes(wire))).toEqual({ kind: 'unknown', version, letter });
  });

  it.each(['~hx', '~p1 x', '~kx', '~sx y', '~xden', '~+', '~+ {}', '~+1', '~+a {}', '~-1x {}', '~=', '~=-1', '~t', '~tnode'])(
    '%j is none of a room',
    (wire) => {
      expect(decodeRoomSignal(bytes(wire))).toMatchObject({ kind: 'unknown', version: 1, letter: wire[1] });
    },
  );

  it.each(['~+1 {}', '~-1 {}', '~=1', '~tn {}', '~i{}', '~cclosed', '~p', '~pepoch', '~stab', '{"type":"room_closed"'])(
    '%j is none of a user',
    (wire) => {
      expect(decodeUserSignal(bytes(wire)).kind).toBe('unknown');
    },
  );

  it('are no error, whatever the bytes', () => {
    const kinds = new Set<string>(['unknown', ...Object.keys(ROOM), ...Object.keys(USER)]);
    const tilde = fc.uint8Array().map((rest) => Uint8Array.of(0x7e, ...rest));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), tilde), (any) => {
        expect(kinds.has(decodeRoomSignal(any).kind)).toBe(true);
        expect(kinds.has(decodeUserSignal(any).kind)).toBe(true);
      }),
    );
  });
});
