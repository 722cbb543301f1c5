import type { Dialect, DialectName, ReaderOptions } from './dialect.ts';
import { FrameReader } from './frame-reader.ts';
import { TEXT_BYTES } from './message-frame.ts';

/**
 * Bytes of Parley's shortest `message` frame around a text of 128 bytes. Acks and signals are
 * shorter.
 */
const PARLEY_MINIMUM = 220;

/** A reader for servers that send each message as a frame of its own. */
function frames(minimum: number, options: ReaderOptions, heartbeat?: string): FrameReader {
  return new FrameReader(minimum, options.sink, options.whole, heartbeat);
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
  path: ({ room, token }) => `${room === null ? '/ws/chat' : `/chat/${room}`}${token === null ? '' : `?token=${token}`}`,
  ready: ({ room }) => (room === null ? '"welcome"' : '"joined"'),
  message: (text, id, { room }) => `{"type":"message","id":"${id}","room":"${room}","text":"${text}"}`,
  echoes: true,
  reader: (options) => frames(PARLEY_MINIMUM, options),
  join: (room, id) => ({ payload: `{"type":"join","id":"${id}","room":"${room}"}`, answer: `{"type":"joined","id":"${id}"` }),
  leave: (room, id) => ({ payload: `{"type":"leave","id":"${id}","room":"${room}"}`, answer: `{"type":"left","id":"${id}"` }),
};

/** Engine.IO 4 and Socket.IO 5 over WebSocket alone. An ack has the number of its packet. */
const SOCKET_IO: Dialect = {
  path: ({ room }) => `/socket.io/?EIO=4&transport=websocket${room === null ? '' : `&room=${room}`}`,
  greeting: { after: '0{', frames: () => ['40'] },
  ready: () => '40{',
  message: (text, _id, { room }) => `42["message","${room}","${text}"]`,
  echoes: true,
  heartbeat: '3',
  reader: (options) => frames(TEXT_BYTES, options, '2'),
  join: (room, id) => ({ payload: `42${id}["join","${room}"]`, answer: `43${id}[` }),
  leave: (room, id) => ({ payload: `42${id}["leave","${room}"]`, answer: `43${id}[` }),
};

/** What each kind of server speaks. */
const DIALECTS: Readonly<Partial<Record<DialectName, Dialect>>> = {
  bare: BARE,
  parley: PARLEY,
  'socket-io': SOCKET_IO,
};

/** The dialect of that name. @throws RangeError if there is none. */
export function dialectOf(name: DialectName): Dialect {
  const dialect = DIALECTS[name];
  if (dialect === undefined) throw new RangeError(`nobody speaks ${name}`);
  return dialect;
}
