/** A connection to Redis that only subscribes. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import type { RedisAddress, RedisTarget } from '#libs/config/redis-url.ts';
import { ProtocolError, PushParser, type PushReply } from './push-parser.ts';

const READ_BYTES = 64 * 1024;

/** Options of `Subscriber`. */
export interface SubscriberOptions {
  readonly target: RedisTarget;
  /** The server to connect to. */
  readonly address: RedisAddress;
  /** The host name of its certificate, if it is not the address. */
  readonly serverName?: string | undefined;
  /** Milliseconds after which an attempt to connect fails. */
  readonly timeoutMs: number;
  /** The payload is valid during the call only. */
  readonly onMessage: (channel: string, payload: Buffer) => void;
  /** The server ended the subscription: the channel's slot moved to another master. */
  readonly onLost: (channel: string) => void;
  /**
   * Called if the connection ends for any reason but `destroy`: at most once, after `connect`
   * resolved.
   */
  readonly onClose: (error: Error | undefined) => void;
}

/** A command in flight. Its channels are acknowledged one by one, in order. */
interface Expected {
  readonly kind: string;
  left: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection that only subscribes. It parses RESP itself, since a node spends most of its time
 * here: one callback for each message, with a view of the bytes.
 *
 * On a Cluster it uses sharded channels (SSUBSCRIBE). It does not reconnect; its owner makes a new
 * one.
 */
export class Subscriber {
  /** The `run_id` of the connected server. */
  runId = '';
  /** Bytes read so far. They distinguish a slow connection from a silent one. */
  bytesRead = 0;
  readonly #options: SubscriberOptions;
  readonly #socket: Socket;
  readonly #parser: PushParser;
  readonly #sharded: boolean;
  readonly #expected: Expected[] = [];
  /** Gets the replies of the greeting, before the connection subscribes. */
  #greeting: ((reply: PushReply) => void) | undefined;
  #open = true;
  #error: Error | undefined;

  /**
   * Connects, authenticates and reads the server's `run_id`. Rejects if that takes longer than
   * `timeoutMs`.
   */
  static async connect(options: SubscriberOptions): Promise<Subscriber> {
    const subscriber = new Subscriber(options);
    try {
      await subscriber.#greet();
      return subscriber;
    } catch (error) {
      subscriber.destroy();
      throw error;
    }
  }

  private constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#sharded = options.target.mode === 'cluster';
    this.#parser = new PushParser({ message: options.onMessage, reply: (reply) => this.#onReply(reply) });
    this.#socket = this.#connect();
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 5000);
    this.#socket.on('error', (error) => {
      this.#error = error;
    });
    this.#socket.on('close', () => this.#onClose());
  }

  /**
   * Subscribes. Resolves when the server has acknowledged every channel: later publications arrive.
   * On a Cluster the channels must share a slot.
   */
  subscribe(channels: readonly string[]): Promise<void> {
    return this.#send(this.#sharded ? 'ssubscribe' : 'subscribe', channels);
  }

  /**
   * Unsubscribes. Resolves when the server has acknowledged; messages may arrive until then. On a
   * Cluster the channels must share a slot.
   */
  unsubscribe(channels: readonly string[]): Promise<void> {
    return this.#send(this.#sharded ? 'sunsubscribe' : 'unsubscribe', channels);
  }

  /** Closes the connection at once, without `onClose`. */
  destroy(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.destroy();
    this.#fail(new Error('The subscriber was closed.'));
  }

  #connect(): Socket {
    const { address, target, serverName = address.host } = this.#options;
    if (target.tls) {
      const socket = connectTls({
        host: address.host,
        port: address.port,
        // An IP address must not be sent as server name (RFC 6066, section 3). The certificate is
        // checked all the same.
        ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
        checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
      });
      socket.on('data', (chunk) => this.#read(chunk));
      return socket;
    }
    return connectTcp({
      host: address.host,
      port: address.port,
      // One buffer for all reads: messages are handled during the call.
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (size, buffer) => {
          this.#read(Buffer.from(buffer.buffer, buffer.byteOffset, size));
          return true;
        },
      },
    });
  }

  #read(chunk: Buffer): void {
    if (!this.#open) return;
    this.bytesRead += chunk.length;
    try {
      this.#parser.write(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#socket.destroy(error);
    }
  }

  async #greet(): Promise<void> {
    const { target, timeoutMs } = this.#options;
    const commands: string[][] = [];
    if (target.password !== undefined) {
      commands.push(['AUTH', ...(target.username === undefined ? [] : [target.username]), target.password]);
    }
    commands.push(['INFO', 'server']);
    const replies: PushReply[] = [];
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('The subscriber could not connect in time.')), timeoutMs);
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#expected.push({ kind: 'greeting', left: 1, resolve: () => undefined, reject: finish });
      this.#greeting = (reply) => {
        replies.push(reply);
        if (reply instanceof Error) finish(reply);
        else if (replies.length === commands.length) finish();
      };
      this.#socket.write(commands.map(encode).join(''));
    });
    this.#greeting = undefined;
    this.#expected.length = 0;
    this.runId = /^run_id:(\S+)/m.exec(String(replies.at(-1)))?.[1] ?? '';
  }

  #send(kind: string, channels: readonly string[]): Promise<void> {
    if (!this.#open) return Promise.reject(new Error('The subscriber is closed.'));
    if (channels.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#expected.push({ kind, left: channels.length, resolve, reject });
      this.#socket.write(encode([kind, ...channels]));
    });
  }

  #onReply(reply: PushReply): void {
    if (this.#greeting !== undefined) {
      this.#greeting(reply);
      return;
    }
    const [first] = this.#expected;
    if (reply instanceof Error) {
      this.#expected.shift();
      first?.reject(reply);
      return;
    }
    if (!Array.isArray(reply)) return;
    const [kind, channel] = reply;
    if (first === undefined || first.kind !== kind) {
      // It comes without a command if the master has the slot no longer.
      if (kind === 'sunsubscribe' && typeof channel === 'string') this.#options.onLost(channel);
      return;
    }
    first.left--;
    if (first.left > 0) return;
    this.#expected.shift();
    first.resolve();
  }

  #onClose(): void {
    if (!this.#open) return;
    this.#open = false;
    const greeted = this.runId !== '';
    this.#fail(this.#error ?? new Error('The subscriber connection was closed.'));
    if (greeted) this.#options.onClose(this.#error);
  }

  #fail(error: Error): void {
    for (const expected of this.#expected.splice(0)) expected.reject(error);
  }
}

function encode(parts: readonly string[]): string {
  return `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`;
}
