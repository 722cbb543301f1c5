import { Observable } from './observable.ts';

/** Characters of a message until the hub tells its own limit. */
const DEFAULT_CHARS = 200;

/** What the screens need to know of the connection: the hub's limits, and whether it is over for good. */
export class ConnectionState extends Observable {
  #messageChars = DEFAULT_CHARS;
  #ended = false;

  /** Longest message, in code points. */
  get messageChars(): number {
    return this.#messageChars;
  }

  /** Nothing can be sent any more: logged out, replaced, refused. */
  get ended(): boolean {
    return this.#ended;
  }

  limited(messageChars: number): void {
    this.#messageChars = messageChars;
    this.changed();
  }

  /** `state` as the client calls it. */
  stands(state: string): void {
    this.#ended = state === 'refused' || state === 'closed';
    this.changed();
  }
}
