/** Every setting of the hub: the table that is parsed, and that the README shows. */

import {
  choice,
  customerDoor,
  databaseUrl,
  integer,
  type Kind,
  keySetUrl,
  linkUrl,
  list,
  onOff,
  origins,
  publicUrl,
  redisUrl,
  serviceKeys,
  smtpUrl,
  text,
} from './kinds.ts';

/** Which program reads the settings: some defaults differ. */
export type Role = 'all-in-one' | 'gateway' | 'api' | 'worker' | 'migrate';

/** A value, or `null` if the setting stays unset. */
export type Default<T> = T | null;

export interface Setting<T> {
  /** The environment variable. Empty counts as unset. */
  readonly name: string;
  readonly kind: Kind<T>;
  readonly default: Default<T> | Readonly<Record<'all-in-one' | 'elsewhere', Default<T>>>;
  /** One sentence for the README, with the unit. */
  readonly meaning: string;
  /** What zero means where it is not just a number. */
  readonly zero?: string;
  /** Never shown, in no message. */
  readonly secret?: true;
}

/** Keeps the types of kind and default apart, so that `Config` knows which fields may be unset. */
function setting<T, const D extends Setting<T>['default']>(entry: Omit<Setting<T>, 'default'> & { readonly default: D }) {
  return entry;
}

/** Keyed by the field of `Config`. */
export const SETTINGS = {
  port: setting({
    name: 'PORT',
    kind: integer(0, 65_535),
    default: 8080,
    meaning: 'The public port: WebSockets, and in the all-in-one the page and the API.',
    zero: 'a free port, told in the log',
  }),
  adminPort: setting({
    name: 'ADMIN_PORT',
    kind: integer(0, 65_535),
    default: 9090,
    meaning: 'The port of health, readiness and metrics. Keep it private.',
    zero: 'a free port, told in the log',
  }),
  host: setting({
    name: 'HOST',
    kind: text('an address of this machine', /^[0-9A-Za-z.:_-]+$/),
    default: null,
    meaning: 'The address the public port listens on; every one where unset.',
  }),
  adminHost: setting({
    name: 'ADMIN_HOST',
    kind: text('an address of this machine', /^[0-9A-Za-z.:_-]+$/),
    default: { 'all-in-one': '127.0.0.1', elsewhere: null },
    meaning: 'The address the admin port listens on; every one where unset.',
  }),
  redisUrl: setting({
    name: 'REDIS_URL',
    kind: redisUrl,
    default: null,
    meaning: 'The Redis that joins the nodes. Every program needs it but the all-in-one, which without it stands alone.',
    secret: true,
  }),
  redisPrefix: setting({
    name: 'REDIS_PREFIX',
    kind: text('up to 64 ASCII characters without spaces, braces, *, ? and brackets', /^(?:(?![{}*?[\]\\])[!-~]){1,64}$/),
    default: 'parley:',
    meaning:
      'What every key and channel in Redis starts with; a colon follows where it ends with none. Nodes that belong together share it.',
  }),
  databaseUrl: setting({
    name: 'DATABASE_URL',
    kind: databaseUrl,
    default: null,
    meaning: 'The PostgreSQL that keeps accounts, rooms and messages. The all-in-one without it runs one of its own, kept in `.data/`.',
    secret: true,
  }),
  smtpUrl: setting({
    name: 'SMTP_URL',
    kind: smtpUrl,
    default: null,
    meaning:
      'The mail server that codes are sent through. The worker needs it; the all-in-one without it shows the mail in the terminal, and at `/dev/mailbox` to whoever opened the link that it prints.',
    secret: true,
  }),
  mailFrom: setting({
    name: 'MAIL_FROM',
    kind: text('a mail address', /^[^\s@<>"(),:;]{1,64}@[A-Za-z0-9.-]{1,253}$/),
    default: 'parley@localhost',
    meaning: 'The address that mail comes from.',
  }),
  historyDays: setting({
    name: 'HISTORY_DAYS',
    kind: integer(0, 36_500),
    default: 0,
    meaning: 'Days after which stored messages are deleted.',
    zero: 'never',
  }),
  apiKeys: setting({
    name: 'API_KEYS',
    kind: serviceKeys,
    default: [],
    meaning: 'The services that may push, publish, disconnect and ban, each with its key.',
    secret: true,
  }),
  adminPassword: setting({
    name: 'ADMIN_PASSWORD',
    kind: text('a password of at least 12 characters', /^[^\0]{12,}$/),
    default: null,
    meaning:
      'The password of the admin pages (user name `admin`). Where unset there are none; the all-in-one then prints a link that opens them on its own machine.',
    secret: true,
  }),
  dashboardUrl: setting({
    name: 'DASHBOARD_URL',
    kind: linkUrl,
    default: null,
    meaning: 'Where what was is looked at over time (Grafana and the like): the admin page links there. No link where unset.',
  }),
  publicUrl: setting({
    name: 'PUBLIC_URL',
    kind: publicUrl,
    default: null,
    meaning:
      'The address people reach the hub at, with the path it lives under behind a proxy. Its pages are always let in, and cookies are marked Secure where it is https.',
  }),
  jwtSecret: setting({
    name: 'JWT_SECRET',
    kind: text('a secret of at least 32 bytes', /^[^\0]+$/),
    default: null,
    meaning: 'The key of HS256 tokens, at least 32 random bytes. The all-in-one makes one where none is set and keeps it in `.data/`.',
    secret: true,
  }),
  jwtSigningKey: setting({
    name: 'JWT_SIGNING_KEY',
    kind: text('the path of a PEM file', /^[^\0]+$/),
    default: null,
    meaning:
      'A private key, P-256 (ES256) or Ed25519 (EdDSA), that signs tokens in place of JWT_SECRET; its public half is served as a JWKS.',
  }),
  jwtPublicKeys: setting({
    name: 'JWT_PUBLIC_KEYS',
    kind: list('paths of PEM files'),
    default: [],
    meaning:
      'Public keys whose tokens are taken too: those of earlier or coming signing keys. A gateway needs that of JWT_SIGNING_KEY only.',
  }),
  jwtJwksUrl: setting({
    name: 'JWT_JWKS_URL',
    kind: keySetUrl,
    default: null,
    meaning: 'Where the public keys of an existing login are fetched (a JWKS). Needs JWT_ISSUER and JWT_AUDIENCE.',
  }),
  jwtIssuer: setting({
    name: 'JWT_ISSUER',
    kind: text('a text without spaces', /^[^\s\0]+$/),
    default: null,
    meaning: 'The `iss` that tokens must have; not checked where unset.',
  }),
  jwtAudience: setting({
    name: 'JWT_AUDIENCE',
    kind: text('a text without spaces', /^[^\s\0]+$/),
    default: null,
    meaning: 'The `aud` that tokens must have; not checked where unset.',
  }),
  allowedOrigins: setting({
    name: 'ALLOWED_ORIGINS',
    kind: origins,
    default: [],
    meaning:
      'Origins of pages that may connect, beside the one the hub itself is reached at; those of app shells, too (capacitor://localhost, app://name). `*` lets any page in.',
  }),
  allowGuests: setting({
    name: 'ALLOW_GUESTS',
    kind: onOff,
    default: { 'all-in-one': true, elsewhere: false },
    meaning: 'Whether anybody may get a guest token by telling a name.',
  }),
  allowCustomers: setting({
    name: 'ALLOW_CUSTOMERS',
    kind: customerDoor,
    default: { 'all-in-one': true, elsewhere: null },
    meaning: 'Whether customers may come in, or those of some channels only. Where unset: on if ALLOWED_ORIGINS is set, else off.',
  }),
  openRooms: setting({
    name: 'OPEN_ROOMS',
    kind: onOff,
    default: { 'all-in-one': true, elsewhere: false },
    meaning: 'Whether everybody may enter open rooms; off: only with a fitting `rooms` claim.',
  }),
  sessions: setting({
    name: 'SESSIONS',
    kind: choice('multi', 'single'),
    default: 'multi',
    meaning: '`single`: a new login of a user ends the older ones, on every node.',
  }),
  messageMaxChars: setting({
    name: 'MESSAGE_MAX_CHARS',
    kind: integer(1, 100_000),
    default: 200,
    meaning: 'The longest message text, in Unicode code points.',
  }),
  frameMaxBytes: setting({
    name: 'FRAME_MAX_BYTES',
    kind: integer(1024, 1_048_576),
    default: 16_384,
    meaning: 'The largest frame a client may send, in bytes.',
  }),
  dataMaxBytes: setting({
    name: 'DATA_MAX_BYTES',
    kind: integer(0, 1_048_576),
    default: 4096,
    meaning: 'The largest `data` of a message, in bytes of JSON.',
    zero: 'none is taken',
  }),
  userBytesPerSecond: setting({
    name: 'USER_BYTES_PER_SECOND',
    kind: integer(0, 1_000_000_000),
    default: 16_384,
    meaning: 'Bytes of message frames that one user may send a second on average, on all nodes together.',
    zero: 'no limit',
  }),
  userBytesBurst: setting({
    name: 'USER_BYTES_BURST',
    kind: integer(1024, 1_000_000_000),
    default: 262_144,
    meaning: 'Bytes of message frames that one user may send at once after a pause.',
  }),
  historyPagesPerSecond: setting({
    name: 'HISTORY_PAGES_PER_SECOND',
    kind: integer(0, 100_000),
    default: 20,
    meaning: 'Pages of history that one user may read a second, on each node and API process.',
    zero: 'no limit',
  }),
  roomLimit: setting({ name: 'ROOM_LIMIT', kind: integer(1, 10_000), default: 100, meaning: 'Rooms that one connection may be in.' }),
  frameRate: setting({
    name: 'FRAME_RATE',
    kind: integer(0, 100_000),
    default: 20,
    meaning: 'Frames a second that one connection may send on average.',
    zero: 'no limit',
  }),
  frameBurst: setting({
    name: 'FRAME_BURST',
    kind: integer(1, 1_000_000),
    default: 40,
    meaning: 'Frames that one connection may send at once after a pause.',
  }),
  handshakesPerMinute: setting({
    name: 'HANDSHAKES_PER_MINUTE',
    kind: integer(0, 10_000_000),
    default: 3000,
    meaning: 'Handshakes a minute from one address, on each node.',
    zero: 'no limit',
  }),
  connectionsMax: setting({
    name: 'CONNECTIONS_MAX',
    kind: integer(0, 10_000_000),
    default: 0,
    meaning:
      'Open connections of a node (each process is one); it refuses further ones (OVERLOADED). At most its limit of open files less a reserve, the larger of 64 and 2 %.',
    zero: 'as many as that',
  }),
  connectionsPerUser: setting({
    name: 'CONNECTIONS_PER_USER',
    kind: integer(0, 1_000_000),
    default: 50,
    meaning: 'Open connections of one user on each node.',
    zero: 'no limit',
  }),
  connectionsPerAddress: setting({
    name: 'CONNECTIONS_PER_ADDRESS',
    kind: integer(0, 10_000_000),
    default: 200,
    meaning:
      'Open connections of one address on each node; of IPv6 a /64 counts as one. Behind a proxy set TRUSTED_PROXY_HOPS, else all clients are one address.',
    zero: 'no limit',
  }),
  pingsPerSecond: setting({
    name: 'PINGS_PER_SECOND',
    kind: integer(0, 100_000),
    default: 5,
    meaning: 'Protocol pings that one connection may send a second; more close it (4029).',
    zero: 'no limit',
  }),
  newRoomsPerMinute: setting({
    name: 'NEW_ROOMS_PER_MINUTE',
    kind: integer(0, 1_000_000),
    default: 60,
    meaning: 'Open rooms that did not exist before and that one user may enter a minute, on each node.',
    zero: 'no limit',
  }),
  trustedProxyHops: setting({
    name: 'TRUSTED_PROXY_HOPS',
    kind: integer(0, 10),
    default: 0,
    meaning: "Proxies in front of the hub that add to X-Forwarded-For: the client's address is taken that far from its end.",
    zero: 'the header is ignored',
  }),
  streamMaxMessages: setting({
    name: 'STREAM_MAX_MESSAGES',
    kind: integer(1, 100_000),
    default: 1000,
    meaning: 'Messages a room keeps for those who come back.',
  }),
  streamMaxSeconds: setting({
    name: 'STREAM_MAX_SECONDS',
    kind: integer(1, 604_800),
    default: 3600,
    meaning: 'Seconds a room keeps them for.',
  }),
  emptyRoomSeconds: setting({
    name: 'EMPTY_ROOM_SECONDS',
    kind: integer(10, 86_400),
    default: 120,
    meaning: 'Seconds that an open room in which nothing was said is remembered after the last one left.',
  }),
  heartbeatSeconds: setting({
    name: 'HEARTBEAT_SECONDS',
    kind: integer(8, 960, 4),
    default: 32,
    meaning: 'Seconds of silence after which a connection counts as broken; the hub pings before.',
  }),
  drainSeconds: setting({
    name: 'DRAIN_SECONDS',
    kind: integer(0, 3600),
    default: 20,
    meaning: 'Seconds within which a node that got SIGTERM has sent everybody elsewhere and exits.',
    zero: 'at once',
  }),
  drainListenSeconds: setting({
    name: 'DRAIN_LISTEN_SECONDS',
    kind: integer(0, 600),
    default: { 'all-in-one': 2, elsewhere: 5 },
    meaning:
      'Seconds for which a node that got SIGTERM goes on listening at least, within DRAIN_SECONDS, and answers newcomers 503: a balancer needs them to notice.',
    zero: 'until its last client is gone',
  }),
  stateLostSeconds: setting({
    name: 'STATE_LOST_SECONDS',
    kind: integer(1, 3600),
    default: 30,
    meaning: 'Seconds a node may be cut off from Redis before it ends its connections (4009).',
  }),
  nodeId: setting({
    name: 'NODE_ID',
    kind: text('1 to 64 of A-Z a-z 0-9 . _ -', /^[A-Za-z0-9._-]{1,64}$/),
    default: null,
    meaning: 'The name of this node in logs and in `welcome`. Made from the host name and a random part where unset.',
  }),
  gatewayProcesses: setting({
    name: 'GATEWAY_PROCESSES',
    kind: integer(1, 256),
    default: 1,
    meaning: 'Gateway processes that share the public port (Linux); one admin port answers for all. Best one a core.',
  }),
  logLevel: setting({
    name: 'LOG_LEVEL',
    kind: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    meaning: 'The least important lines that are logged.',
  }),
};
