import type { PresenceUser } from '#libs/presence/presence.ts';
import type { Identity } from './connection.ts';
import { FrameBudget, type FrameLimits } from './frame-budget.ts';
import type { RoomBearer, RoomPass } from './room-access.ts';
import { ByteCredit } from './user-bytes.ts';

/** Passes remembered of one user: the rooms of a few connections. */
const PASSES_MAX = 200;

/** How far the messages of a private room have come to a user on this node. */
export interface Reached {
  /** The newest offset handed to the user's connections, or known to have been delivered before. */
  offset: number;
  /** What came since `fetching` began; undefined while nothing is fetched. */
  held: { readonly offset: number; readonly frame: Buffer }[] | undefined;
  /** The offset that the user's cursor was last moved to from here. */
  acknowledged: number;
}

/** One user on this node, shared by all their connections here. */
export class LocalUser implements PresenceUser {
  readonly id: string;
  readonly name: string;
  /** Settled once the user's own channel is listened to. */
  readonly listening: Promise<void>;
  /** Private rooms with messages since the user came here; undefined for the many that have none. */
  reached: Map<string, Reached> | undefined;
  #passes: Map<string, RoomPass | Promise<RoomPass>> | undefined;
  #json: string | undefined;
  #credit: ByteCredit | undefined;
  #pages: FrameBudget | undefined;

  constructor(id: string, name: string, listening: Promise<void>) {
    this.id = id;
    this.name = name;
    this.listening = listening;
  }

  /** The JSON of `{id,name}`, built at first use: most users never speak. */
  get json(): string {
    this.#json ??= JSON.stringify({ id: this.id, name: this.name });
    return this.#json;
  }

  /** The user's budget of pages of history, begun at the first one. */
  pages(limits: FrameLimits, now: number): FrameBudget {
    this.#pages ??= new FrameBudget(limits, now);
    return this.#pages;
  }

  /** The bytes drawn for the user's messages on this node. */
  get credit(): ByteCredit {
    this.#credit ??= new ByteCredit();
    return this.#credit;
  }

  /**
   * The user's pass for a room, asked for once and kept until `forget`. A promise only while it is asked for: what waits for it goes on in the order in
   * which it came. @throws what `enter` throws.
   */
  pass(room: string, enter: () => RoomPass | Promise<RoomPass>): RoomPass | Promise<RoomPass> {
    const known = this.#passes?.get(room);
    if (known !== undefined) return known;
    const pass = enter();
    this.#keep(room, pass);
    if (pass instanceof Promise) {
      pass.then(
        (settled) => {
          if (this.#passes?.get(room) === pass) this.#passes.set(room, settled);
        },
        () => {
          if (this.#passes?.get(room) === pass) this.#passes.delete(room);
        },
      );
    }
    return pass;
  }

  /** A pass that may be asked about anew: of this room, or of all. */
  forget(room?: string): void {
    if (room === undefined) this.#passes = undefined;
    else this.#passes?.delete(room);
  }

  /** The user by one of their tokens. */
  bearer({ kind, rooms }: Pick<Identity, 'kind' | 'rooms'>): RoomBearer {
    return { userId: this.id, name: this.name, kind, rooms };
  }

  #keep(room: string, pass: RoomPass | Promise<RoomPass>): void {
    this.#passes ??= new Map();
    this.#passes.set(room, pass);
    if (this.#passes.size <= PASSES_MAX) return;
    const [oldest] = this.#passes.keys();
    if (oldest !== undefined) this.#passes.delete(oldest);
  }
}
