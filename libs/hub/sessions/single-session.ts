import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { buildFrame } from '#libs/protocol/server-frame.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Connection } from './connection.ts';

/**
 * One login of a user at a time (R4). Presence decides which connections end; a signal only makes
 * the hub ask.
 */
export class SingleSession {
  readonly #presence: Pick<Presence, 'outdated'>;
  readonly #background: Background;

  constructor(presence: Pick<Presence, 'outdated'>, background: Background) {
    this.#presence = presence;
    this.#background = background;
  }

  /**
   * A newer login than that of these was announced. A third one may have become the newest since,
   * and may be here.
   */
  doubt(connections: readonly Connection[]): void {
    const registered = connections.filter((connection) => !connection.doubt());
    if (registered.length === 0) return;
    // A connection whose login may be an older one does not stay. If it comes back, it is compared
    // when it registers.
    const end = (): void => {
      for (const connection of registered) connection.end('UNAVAILABLE');
    };
    this.#background.run('logins', () => this.replaceOutdated(registered), end);
  }

  /**
   * Ends those whose login is no longer the newest. If the backend is away, asks again once it is
   * back. Rejects with bugs only.
   */
  async replaceOutdated(connections: readonly Connection[]): Promise<void> {
    try {
      const outdated = new Set((await this.#presence.outdated(connections)).map(({ id }) => id));
      for (const connection of connections) if (outdated.has(connection.id)) this.replace(connection);
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
    }
  }

  /**
   * Reports the newer login and ends the connection; one that is still being admitted, once it
   * opens.
   */
  replace(connection: Connection): void {
    connection.replaced();
    connection.send(buildFrame('kicked', { reason: 'SESSION_REPLACED' }));
    connection.end('SESSION_REPLACED');
  }
}
