/** Composes the whole API over the backends of a process: an API process or the all-in-one. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { deriveKey, deriveKeys, type Tokens } from '#libs/auth/tokens.ts';
import type { Backend } from '#libs/backend/backend.ts';
import type { HubParts } from '#libs/backend/hub-parts.ts';
import type { Config } from '#libs/config/config.ts';
import { type Jobs, queueLoginMail, scheduleExpiry } from '#libs/jobs/jobs.ts';
import { MailSeal } from '#libs/mail/login-mail.ts';
import { RoomHistory } from '#libs/messages/room-history.ts';
import { version } from '#libs/process/process-life.ts';
import { roomServices } from '#libs/rooms/room-services.ts';
import { ServicePublisher } from '#libs/rooms/service-publisher.ts';
import { openAccessLog } from '#libs/telemetry/access-log.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import type { Tracer } from '#libs/telemetry/tracer.ts';
import { buildApi } from './api.ts';
import { asyncApiRoutes } from './asyncapi-document.ts';
import { conversationRoutes } from './conversation-routes.ts';
import { GuestAddresses } from './guest-addresses.ts';
import { loginCounter } from './login-counts.ts';
import { matchRoutes } from './match-routes.ts';
import { LIMITS, RateLimits } from './rate-limits.ts';
import { memberRoutes, roomRoutes } from './room-routes.ts';
import { serviceRoutes } from './service-routes.ts';

/** Returns the addresses for `composeApi` and the admin pages. `secret`: the first of its secrets. */
export function composeAddresses({ recent }: Pick<Backend, 'recent'>, secret: string, log: Logger): GuestAddresses {
  return new GuestAddresses({ sets: recent, key: deriveKey(secret, 'used addresses'), now: Date.now, log });
}

/** The parts of `composeApi`. */
export interface ApiComposition {
  readonly config: Config;
  /**
   * `JWT_SECRET`, or the secret of the all-in-one. The API derives its keys from them: for queued
   * mail, codes, refresh secrets, stored answers, cookies of known browsers and used addresses. If
   * another one becomes the first, mails, codes, logins and known browsers stay valid; stored answers
   * and used addresses are forgotten, and counts of limits start anew.
   */
  readonly secrets: readonly [string, ...string[]];
  readonly tokens: Tokens;
  readonly backend: Backend;
  readonly parts: HubParts;
  /** The caller closes it. */
  readonly jobs: Jobs;
  readonly addresses: GuestAddresses;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Undefined: traces are off. */
  readonly tracer: Tracer | undefined;
  /** Returns true while the process shuts down. */
  readonly draining: () => boolean;
  /** The folder of the built pages, served at `/`. Undefined: no pages are served. */
  readonly page: string | undefined;
}

/**
 * Returns an API that does not listen yet. Throws TypeError if there is no key to sign tokens with.
 */
export function composeApi({
  config,
  secrets,
  tokens: { signer, jwks },
  backend,
  parts,
  jobs,
  addresses,
  metrics,
  log,
  tracer,
  draining,
  page,
}: ApiComposition): FastifyInstance {
  if (signer === undefined) throw new TypeError('the API needs JWT_SECRET or JWT_SIGNING_KEY');
  const { store, broker, presence, link } = backend;
  const now = Date.now;
  const seal = new MailSeal(...secrets);
  const keyFor = (purpose: string) => deriveKey(secrets[0], purpose);
  const rooms = roomServices({
    store,
    broker,
    presence,
    node: config.nodeId,
    log,
    pairing: config.pairing,
    scheduleExpiry: (room, expiresAt) => scheduleExpiry(jobs, room, expiresAt, now()),
    now: now,
    wait: (milliseconds) => delay(milliseconds, undefined, { ref: false }),
    failed: (error) => log.warn({ err: error }, 'a signal was lost, or a job was not scheduled'),
  });
  const history = new RoomHistory({ access: parts.access, messages: store.messages, broker });
  const publisher = new ServicePublisher({ rooms: store.rooms, writer: parts.writer, kinds: rooms.kinds, tracer });
  metrics.api.limits(Object.keys(LIMITS));
  metrics.api.logins();
  const countLogin = loginCounter(metrics.api.loggedIn);
  const app = buildApi({
    log,
    answered: (route, status, seconds) => {
      metrics.api.answered(route, status, seconds);
      countLogin(route, status, seconds);
    },
    now: now,
    uuid: randomUUID,
    store,
    sign: (credentials) => signer.sign(credentials),
    verify: (token) => parts.verify(token),
    assertNotBanned: (...subjects) => parts.assertNotBanned(...subjects),
    queueMail: (mail) => queueLoginMail(jobs, seal, randomUUID(), mail),
    limits: new RateLimits({
      link,
      key: keyFor('limited accounts'),
      log,
      refused: metrics.api.limited,
      rules: { ...LIMITS, historyPagesPerUser: { points: config.historyPagesPerSecond, seconds: 1 } },
    }),
    addresses,
    services: config.apiKeys,
    codeKeys: deriveKeys(secrets, 'login codes'),
    answerKey: keyFor('kept answers'),
    refreshKey: keyFor('refresh secrets'),
    deviceKeys: deriveKeys(secrets, 'known devices'),
    origins: parts.origins,
    allowGuests: config.allowGuests,
    allowCustomers: config.allowCustomers,
    publicUrl: config.publicUrl,
    trustedProxyHops: config.trustedProxyHops,
    online: () => presence.online(),
    jwks,
    version,
    routes: [
      roomRoutes({ rooms, history }),
      memberRoutes(rooms),
      matchRoutes(rooms),
      conversationRoutes(rooms),
      serviceRoutes({ broker, presence, publisher }),
      asyncApiRoutes(version),
    ],
    draining,
    tracer,
    accessLog: openAccessLog(config, log),
    page,
  });
  app.addHook('onReady', () => rooms.noticeFeed.start());
  app.addHook('onClose', () => rooms.noticeFeed.stop());
  return app;
}
