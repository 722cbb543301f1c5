import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Presence } from '#libs/presence/presence.ts';
import { PresenceNode } from './presence-node.ts';

/** Nodes that share one presence. */
export interface PresenceWorld {
  node(): Promise<PresenceNode>;
  close(): Promise<void>;
}

/** A server, or none, with a fresh world for each test. */
export interface PresenceBackend<W extends PresenceWorld> {
  readonly name: string;
  open(): Promise<void>;
  close(): Promise<void>;
  world(): Promise<W>;
}

/** The started nodes of one world. */
export class PresenceNodes {
  readonly #nodes: PresenceNode[] = [];

  /** The number of the next node, from 1. */
  get next(): number {
    return this.#nodes.length + 1;
  }

  async start(presence: Presence): Promise<PresenceNode> {
    const node = await new PresenceNode(presence).start();
    this.#nodes.push(node);
    return node;
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(({ presence }) => presence.close()));
  }
}

/** Presence of one process. `make` makes the parts of a world; `nodes` are closed with it. */
export function inMemory<W extends PresenceWorld>(make: (nodes: PresenceNodes) => Omit<W, 'close'>): PresenceBackend<W> {
  return {
    name: 'memory',
    open: async () => undefined,
    close: async () => undefined,
    async world() {
      const nodes = new PresenceNodes();
      return { ...make(nodes), close: () => nodes.close() } as W;
    },
  };
}

/**
 * Presence on a server that `start` starts. `make` makes a world whose keys begin with `prefix`.
 * `nodes` are closed before the `close` of that world.
 */
export function onServer<W extends PresenceWorld, S extends { stop(): Promise<void> }>(
  name: string,
  start: () => Promise<S>,
  make: (server: S, prefix: string, nodes: PresenceNodes) => Promise<W>,
): PresenceBackend<W> {
  let server: S;
  let worlds = 0;
  return {
    name,
    async open() {
      server = await start();
    },
    close: () => server.stop(),
    async world() {
      worlds += 1;
      const nodes = new PresenceNodes();
      const made = await make(server, `world${worlds}`, nodes);
      return {
        ...made,
        async close() {
          await nodes.close();
          await made.close();
        },
      };
    },
  };
}

/** Opens the backend for the tests of a block, and hands a fresh world to `begin` before each. */
export function eachWorld<W extends PresenceWorld>(backend: PresenceBackend<W>, begin: (world: W) => void): void {
  let world: W;
  beforeAll(() => backend.open());
  afterAll(() => backend.close());
  beforeEach(async () => {
    world = await backend.world();
    begin(world);
  });
  afterEach(() => world.close());
}
