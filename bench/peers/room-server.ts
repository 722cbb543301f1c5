import { App, us_listen_socket_close, us_socket_local_port, type WebSocket } from 'uWebSockets.js';

/** What a peer does beyond holding sockets. */
export interface RoomServerOptions {
  /** Bytes that may wait for one socket before it is closed, as Parley's own limit. */
  readonly maxBackpressure: number;
  /** A client's frame arrived. The payload is valid during the call only. */
  readonly received: (room: string, payload: ArrayBuffer) => void;
  /** A socket entered the room (after its 101). */
  readonly joined?: (room: string) => void;
}

/** Hands a payload to everybody in a room: all that a peer does with its sockets. */
export interface RoomServer {
  publish(room: string, payload: ArrayBuffer | Uint8Array): void;
}

interface Seat {
  readonly room: string;
}

/** The first bytes of `+room` and `-room`. */
const ENTER = 0x2b;
const LEAVE = 0x2d;

/**
 * A bare uWebSockets.js server with rooms in the path: `/chat/{room}` subscribes the socket to the
 * room, `/ws/chat` to nothing. `+room` and `-room` enter and leave a further one, and are sent back.
 * It checks no token and parses nothing else. It logs its free port. SIGTERM ends it.
 */
export function openRooms(options: RoomServerOptions): RoomServer {
  const app = App();
  const change = (ws: WebSocket<Seat>, text: string) => {
    const room = text.slice(1);
    if (text.startsWith('-')) ws.unsubscribe(room);
    else {
      ws.subscribe(room);
      options.joined?.(room);
    }
    ws.send(text);
  };
  const behavior = {
    maxPayloadLength: 64 * 1024,
    maxBackpressure: options.maxBackpressure,
    closeOnBackpressureLimit: true,
    idleTimeout: 120,
  };
  app.ws<Seat>('/chat/:room', {
    ...behavior,
    upgrade(res, req, context) {
      res.upgrade<Seat>(
        { room: req.getParameter(0) ?? '' },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    open(ws) {
      const { room } = ws.getUserData();
      ws.subscribe(room);
      options.joined?.(room);
    },
    message(ws, payload) {
      const first = new Uint8Array(payload)[0];
      if (first === ENTER || first === LEAVE) return change(ws, Buffer.from(payload).toString());
      options.received(ws.getUserData().room, payload);
    },
  });
  app.ws<Seat>('/ws/chat', { ...behavior, message: (ws, payload) => change(ws, Buffer.from(payload).toString()) });
  app.listen(0, (socket) => {
    if (!socket) throw new Error('no port to listen on');
    process.stdout.write(`${JSON.stringify({ msg: 'listening', port: us_socket_local_port(socket) })}\n`);
    process.once('SIGTERM', () => {
      us_listen_socket_close(socket);
      process.exit(0);
    });
  });
  return {
    publish: (room, payload) => {
      app.publish(room, payload, false, false);
    },
  };
}
