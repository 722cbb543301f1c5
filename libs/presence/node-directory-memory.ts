import type { NodeDirectory, NodeFacts, NodeSighting } from './node-directory.ts';

/** The nodes of one process. They die together, so none is ever silent. */
export class NodeDirectoryMemory implements NodeDirectory {
  readonly #nodes = new Map<string, NodeFacts>();

  async put(facts: NodeFacts): Promise<void> {
    this.#nodes.set(facts.id, facts);
  }

  async remove(id: string): Promise<void> {
    this.#nodes.delete(id);
  }

  async list(): Promise<NodeSighting[]> {
    return [...this.#nodes.values()].map((facts) => ({ ...facts, silent: 0 })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }
}
