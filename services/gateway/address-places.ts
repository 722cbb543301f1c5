/** Limits the connections of one address on this node. */
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** The open connections of one address. */
export interface AddressPlace {
  readonly address: string;
  connections: number;
}

/** Options of `AddressPlaces`. */
export interface AddressPlacesOptions {
  /** Connections of one address; 0: no limit. */
  readonly limit: number;
  readonly log: Pick<Logger, 'warn'>;
  /** Milliseconds of a steady clock. */
  readonly steady: () => number;
  /** Called for each refused connection. */
  refused(): void;
}

/** Milliseconds between two log lines about full addresses. */
const LOG_EVERY_MS = 60_000;

/** Counts the connections of each address. A new connection above the limit is refused. */
export class AddressPlaces {
  readonly #options: AddressPlacesOptions;
  readonly #places = new Map<string, AddressPlace>();
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AddressPlacesOptions) {
    this.#options = options;
  }

  /**
   * Checks that the address may have one more connection. Logs a refusal at most once a minute.
   *
   * @param proxied Whether the request names addresses of untrusted proxies. All clients may then
   *   share the address of a proxy.
   * @throws HubError `RATE_LIMITED` if the address has reached its limit.
   */
  assertPlace(address: string, proxied: boolean): void {
    const { limit, log, steady, refused } = this.#options;
    if (limit === 0 || (this.#places.get(address)?.connections ?? 0) < limit) return;
    refused();
    if (steady() - this.#loggedAt >= LOG_EVERY_MS) {
      this.#loggedAt = steady();
      const advice = proxied ? 'If it is a proxy, set TRUSTED_PROXY_HOPS' : 'If many clients share it, raise CONNECTIONS_PER_ADDRESS';
      log.warn({ address, limit }, `an address has reached its limit of connections. ${advice}`);
    }
    throw new HubError('RATE_LIMITED', `this address has reached its limit of ${limit} connections (CONNECTIONS_PER_ADDRESS)`);
  }

  /** Counts a new connection of the address. Call `leave` with the result when it ends. */
  enter(address: string): AddressPlace {
    let place = this.#places.get(address);
    if (place === undefined) {
      place = { address, connections: 0 };
      this.#places.set(address, place);
    }
    place.connections += 1;
    return place;
  }

  /** Counts the end of a connection. Forgets an address that has none left. */
  leave(place: AddressPlace): void {
    place.connections -= 1;
    if (place.connections === 0) this.#places.delete(place.address);
  }
}
