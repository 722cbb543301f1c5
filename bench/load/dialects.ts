import { ArrayReader } from './array-reader.ts';
import type { Dialect, DialectName, ReaderOptions } from './dialect.ts';
import { FrameReader } from './frame-reader.ts';
import { TEXT_BYTES } from './message-frame.ts';
import { NatsReader } from './nats-reader.ts';

/**
 * Bytes of Parley's shortest `message` frame around a text of 128 bytes. Acks and signals are
 * shorter.
 */
const PARLEY_MINIMUM = 220;

/** A reader for servers that send each message as a frame of its own. */
function frames(minimum: number, options: ReaderOptions, heartbeat?: string): FrameReader {
  return new FrameReader(options.every === true ? 1 : minimum, options.sink, options.whole, heartbeat);
}

const BARE: Dialect = {
  path: ({ room }) => (room === null ? '/ws/chat' : `/chat/${room}`),
  ready: () => null,
  message: (text) => text,
  echoes: true,
  reader: (options) => frames(TEXT_BYTES, options),
  join: (room) => ({ payload: `+${room}`, answer: `+${room}` }),
  leave: (room) => ({ payload: `-${room}`, answer: `-${room}` }),
};

const PARLEY: Dialect = {
  path: ({ room, token, since }) =>
    `${room === null ? '/ws/chat' : `/chat/${room}`}?${token === null ? '' : `token=${token}`}${since === undefined ? '' : `&${since}`}`,
  ready: ({ room }) => (room === null ? '"welcome"' : '"joined"'),
  message: (text, id, { room }) => `{"type":"message","id":"${id}","room":"${room}","text":"${text}"}`,
  echoes: true,
  reader: (options) => frames(PARLEY_MINIMUM, options),
  recovery: {
    position(payload, before) {
      const joined = /"epoch":"([^"]+)","offset":(\d+)/.exec(payload);
      if (before === undefined) return joined === null ? undefined : `epoch=${joined[1]}&offset=${joined[2]}`;
      const offset = /^{"offset":(\d+),/.exec(payload)?.[1];
      return offset === undefined ? before : before.replace(/\d+$/, offset);
    },
  },
  join: (room, id) => ({ payload: `{"type":"join","id":"${id}","room":"${room}"}`, answer: `{"type":"joined","id":"${id}"` }),
  leave: (room, id) => ({ payload: `{"type":"leave","id":"${id}","room":"${room}"}`, answer: `{"type":"left","id":"${id}"` }),
};

/** Parley's frames in arrays (F9). A client sends its frames one by one. */
const PARLEY_ARRAYS: Dialect = {
  ...PARLEY,
  protocols: 'parley.v1, parley.v1.batch',
  reader: (options) => new ArrayReader(PARLEY_MINIMUM, options),
};

/** Engine.IO 4 and Socket.IO 5 over WebSocket alone. An ack has the number of its packet. */
const SOCKET_IO: Dialect = {
  path: ({ room }) => `/socket.io/?EIO=4&transport=websocket${room === null ? '' : `&room=${room}`}`,
  greeting: { after: '0{', frames: ({ since }) => [since === undefined ? '40' : `40{${since}}`] },
  ready: () => '40{',
  message: (text, _id, { room }) => `42["message","${room}","${text}"]`,
  echoes: true,
  heartbeat: '3',
  reader: (options) => frames(TEXT_BYTES, options, '2'),
  recovery: {
    position(payload, before) {
      const pid = /^40{.*"pid":"([^"]+)"/.exec(payload)?.[1];
      if (pid !== undefined) return `"pid":"${pid}","offset":""`;
      const offset = /^42\["message",".*","([^"]+)"\]$/.exec(payload)?.[1];
      return offset === undefined ? before : before?.replace(/"offset":".*"$/, `"offset":"${offset}"`);
    },
  },
  join: (room, id) => ({ payload: `42${id}["join","${room}"]`, answer: `43${id}[` }),
  leave: (room, id) => ({ payload: `42${id}["leave","${room}"]`, answer: `43${id}[` }),
};

/**
 * One connection for each room. A publisher gets the message as a member, and a report on the room,
 * which is shorter.
 */
const NCHAN: Dialect = {
  path: ({ room, since }) => `/chat/${room ?? 'none'}${since === undefined ? '' : `?last_event_id=${since}`}`,
  ready: () => null,
  message: (text) => text,
  echoes: true,
  reader: (options) => frames(TEXT_BYTES, options),
  recovery: {
    // Each message has its id before it.
    protocol: 'ws+meta.nchan',
    position: (payload, before) => /^id: (\S+)/.exec(payload)?.[1] ?? before,
  },
};

/** The client protocol of NATS. The room is the subject, and the number of its subscription. */
const NATS: Dialect = {
  path: () => '/',
  greeting: {
    after: 'INFO {',
    frames: ({ room }) => [`CONNECT {"verbose":false,"pedantic":false}\r\n${room === null ? '' : `SUB ${room} ${room}\r\n`}PING\r\n`],
  },
  ready: () => 'PONG\r\n',
  message: (text, _id, { room }) => `PUB ${room} ${text.length}\r\n${text}\r\n`,
  echoes: true,
  heartbeat: 'PONG\r\n',
  reader: (options) => new NatsReader(options),
  join: (room) => ({ payload: `SUB ${room} ${room}\r\nPING\r\n`, answer: 'PONG\r\n' }),
  leave: (room) => ({ payload: `UNSUB ${room}\r\nPING\r\n`, answer: 'PONG\r\n' }),
};

/** Pusher's protocol 7 with client events, which their sender does not get. */
const PUSHER: Dialect = {
  path: () => '/app/app-key?protocol=7&client=bench&version=1',
  greeting: {
    after: 'connection_established',
    frames: ({ room }) => (room === null ? [] : [`{"event":"pusher:subscribe","data":{"channel":"${room}"}}`]),
  },
  ready: ({ room }) => (room === null ? 'connection_established' : 'subscription_succeeded'),
  message: (text, _id, { room }) => `{"event":"client-message","channel":"${room}","data":"${text}"}`,
  echoes: false,
  keepAlive: { payload: '{"event":"pusher:ping","data":{}}', everyMs: 30_000 },
  reader: (options) => frames(TEXT_BYTES, options),
  join: (room) => ({
    payload: `{"event":"pusher:subscribe","data":{"channel":"${room}"}}`,
    answer: `"pusher_internal:subscription_succeeded","channel":"${room}"`,
  }),
  leave: (room) => ({ payload: `{"event":"pusher:unsubscribe","data":{"channel":"${room}"}}`, answer: null }),
};

/** What each kind of server speaks. */
const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  bare: BARE,
  parley: PARLEY,
  'parley-arrays': PARLEY_ARRAYS,
  'socket-io': SOCKET_IO,
  nchan: NCHAN,
  nats: NATS,
  pusher: PUSHER,
};

/** The dialect of that name. */
export function dialectOf(name: DialectName): Dialect {
  return DIALECTS[name];
}
