import { App, type TemplatedApp, us_socket_local_port } from 'uWebSockets.js';
import { findStamp } from '#bench/drive/stamp.ts';

/** A message of the load. */
interface Said {
  readonly id: string;
  readonly room: string;
  readonly text: string;
}

interface Seat {
  readonly room: string;
  /** What is sent after the next one. */
  held?: string;
}

/** Of each writer's messages: which is lost, comes twice, and comes after the next one. */
const [LOST, DOUBLED, SWAPPED] = ['3', '5', '7'] as const;

/**
 * Speaks as much of the protocol as a load needs, and breaks its promises. With `mostPerSecond` it
 * refuses what is more than that (`BUSY`), and breaks nothing.
 */
export class FaultyHub {
  readonly url: string;
  /** The messages that were lost, sent twice and sent late. */
  readonly faults = { lost: 0, doubled: 0, swapped: 0 };
  readonly #app: TemplatedApp;

  static async start({ mostPerSecond }: { readonly mostPerSecond?: number } = {}): Promise<FaultyHub> {
    const app = App();
    const hub = (port: number): FaultyHub => new FaultyHub(app, port, mostPerSecond);
    return new Promise((resolve, reject) => {
      app.listen('127.0.0.1', 0, (socket) => (socket ? resolve(hub(us_socket_local_port(socket))) : reject(new Error('no port'))));
    });
  }

  private constructor(app: TemplatedApp, port: number, mostPerSecond: number | undefined) {
    this.#app = app;
    this.url = `ws://127.0.0.1:${port}`;
    let [second, inSecond] = [0, 0];
    app.ws<Seat>('/*', {
      upgrade: (response, request, context) => {
        const room = decodeURIComponent(request.getUrl().split('/')[2] ?? '');
        const key = request.getHeader('sec-websocket-key');
        response.upgrade({ room }, key, 'parley.v1', '', context);
      },
      open: (socket) => {
        const { room } = socket.getUserData();
        socket.send('{"type":"welcome"}');
        socket.subscribe(room);
        socket.send(JSON.stringify({ type: 'joined', room, count: 1, epoch: 'e', offset: 0, recovered: false, messages: [], more: false }));
      },
      message: (socket, bytes) => {
        const { id, room, text } = JSON.parse(Buffer.from(bytes).toString()) as Said;
        // By the second for which it was meant: a machine that stands still for a moment changes nothing.
        const meant = Math.floor((findStamp(Buffer.from(text), 0, text.length)?.micros ?? 0) / 1e6);
        inSecond = meant === second ? inSecond + 1 : 1;
        second = meant;
        if (mostPerSecond !== undefined && inSecond > mostPerSecond) {
          socket.send(JSON.stringify({ type: 'error', id, room, code: 'BUSY', message: 'Too much.', retryable: true }));
          return;
        }
        socket.send(JSON.stringify({ type: 'ack', id, room, message: { id: 'm', at: 0 } }));
        const frame = JSON.stringify({ type: 'message', room, message: { id: 'm', text } });
        if (mostPerSecond === undefined) this.#break(socket.getUserData(), id, frame);
        else app.publish(room, frame);
      },
    });
  }

  stop(): void {
    this.#app.close();
  }

  #break(seat: Seat, id: string, frame: string): void {
    if (id === LOST) {
      this.faults.lost += 1;
      return;
    }
    if (id === SWAPPED) {
      seat.held = frame;
      return;
    }
    this.#app.publish(seat.room, frame);
    if (id === DOUBLED) {
      this.faults.doubled += 1;
      this.#app.publish(seat.room, frame);
    }
    if (seat.held !== undefined) {
      this.faults.swapped += 1;
      this.#app.publish(seat.room, seat.held);
      delete seat.held;
    }
  }
}
