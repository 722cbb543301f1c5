/** The table of all settings. The README's table is compared with it. */

import { CONVERSATION_CHARS, charsThatFit } from '#libs/protocol/limits.ts';
import {
  choice,
  customerDoor,
  databaseUrl,
  fraction,
  integer,
  keySetUrl,
  linkUrl,
  list,
  onOff,
  origins,
  publicUrl,
  redisUrl,
  secrets,
  serviceKeys,
  smtpUrl,
  text,
} from './kinds.ts';
import { setting } from './setting.ts';
import { TRACE_SETTINGS } from './trace-settings.ts';

const FRAME_BYTES_MAX = 1_048_576;

/** All settings, by the field of `Config`. */
export const SETTINGS = {
  port: setting({
    name: 'PORT',
    kind: integer(0, 65_535),
    default: 8080,
    meaning: 'The public port: WebSockets, and in the all-in-one the page and the API.',
    zero: 'a free port, which the log names',
  }),
  adminPort: setting({
    name: 'ADMIN_PORT',
    kind: integer(0, 65_535),
    default: 9090,
    meaning: 'The port of health, readiness and metrics. Keep it private.',
    zero: 'a free port, which the log names',
  }),
  host: setting({
    name: 'HOST',
    kind: text('an address of this machine', /^[0-9A-Za-z.:_-]+$/),
    default: null,
    meaning: 'The address that the public port listens on. If unset, every address.',
  }),
  adminHost: setting({
    name: 'ADMIN_HOST',
    kind: text('an address of this machine', /^[0-9A-Za-z.:_-]+$/),
    default: { 'all-in-one': '127.0.0.1', elsewhere: null },
    meaning: 'The address that the admin port listens on. If unset, every address.',
  }),
  redisUrl: setting({
    name: 'REDIS_URL',
    kind: redisUrl,
    default: null,
    meaning: 'The Redis that joins the nodes. Every program needs it, except the all-in-one, which stands alone without it.',
    secret: true,
  }),
  previousRedisUrl: setting({
    name: 'PREVIOUS_REDIS_URL',
    kind: redisUrl,
    default: null,
    meaning: 'The Redis that the hub used before REDIS_URL. Only npm run migrate reads it, and moves the queued jobs.',
    secret: true,
  }),
  redisPrefix: setting({
    name: 'REDIS_PREFIX',
    kind: text('up to 64 ASCII characters without spaces, braces, *, ? and brackets', /^(?:(?![{}*?[\]\\])[!-~]){1,64}$/),
    default: 'parley:',
    meaning:
      'The beginning of every key and channel in Redis. If it does not end with a colon, one is added. Nodes that belong together share it.',
  }),
  databaseUrl: setting({
    name: 'DATABASE_URL',
    kind: databaseUrl,
    default: null,
    meaning: 'The PostgreSQL that stores accounts, rooms and messages. Without it the all-in-one runs one of its own, in `.data/`.',
    secret: true,
  }),
  smtpUrl: setting({
    name: 'SMTP_URL',
    kind: smtpUrl,
    default: null,
    meaning:
      'The mail server for login codes. The worker needs it. Without it the all-in-one shows the mail in the terminal, and at `/dev/mailbox` to the person who opened the link that it prints.',
    secret: true,
  }),
  mailFrom: setting({
    name: 'MAIL_FROM',
    kind: text('a mail address', /^[^\s@<>"(),:;]{1,64}@[A-Za-z0-9.-]{1,253}$/),
    default: 'parley@localhost',
    meaning: 'The sender address of mails.',
  }),
  historyDays: setting({
    name: 'HISTORY_DAYS',
    kind: integer(0, 36_500),
    default: 0,
    meaning: 'Days after which stored messages are deleted.',
    zero: 'never',
  }),
  observedEvents: setting({
    name: 'OBSERVED_EVENTS',
    kind: onOff,
    default: false,
    meaning:
      'Whether workers report who comes online or goes offline, and which rooms become occupied or vacated: counted in `parley_observed_events_total`, each a line of the log at level debug.',
  }),
  apiKeys: setting({
    name: 'API_KEYS',
    kind: serviceKeys,
    default: [],
    meaning: 'The services that may push, publish, disconnect and ban, each with its key, or with two while one replaces the other.',
    secret: true,
  }),
  adminPassword: setting({
    name: 'ADMIN_PASSWORD',
    kind: text('a password of at least 12 characters', /^[^\0]{12,}$/),
    default: null,
    meaning:
      'The password of the admin pages (any user name). If unset, there are none, but the all-in-one prints a link that opens them on its own machine.',
    secret: true,
  }),
  dashboardUrl: setting({
    name: 'DASHBOARD_URL',
    kind: linkUrl,
    default: null,
    meaning: 'The dashboard of the metrics over time (Grafana, for example). The admin page links there. If unset, it has no link.',
  }),
  prometheusUrl: setting({
    name: 'PROMETHEUS_URL',
    kind: linkUrl,
    default: null,
    meaning:
      'The Prometheus that scrapes this hub. The admin page draws the last hours from it. If unset, it draws the last two hours from samples of its own.',
  }),
  prometheusCredential: setting({
    name: 'PROMETHEUS_CREDENTIAL',
    kind: text('a token, or user:password', /^[!-~]+$/),
    default: null,
    meaning: 'What PROMETHEUS_URL asks for: a bearer token, or user and password. If unset, nothing.',
    secret: true,
  }),
  publicUrl: setting({
    name: 'PUBLIC_URL',
    kind: publicUrl,
    default: null,
    meaning:
      "The address in people's browsers, with the path of the hub behind a proxy. Pages of this origin may always connect. If it is https, cookies are marked Secure.",
  }),
  jwtSecrets: setting({
    name: 'JWT_SECRET',
    kind: secrets,
    default: [],
    meaning:
      'The key of HS256 tokens, at least 32 random bytes. Of several the first signs, and tokens of all are accepted. If unset, the all-in-one makes one and keeps it in `.data/`.',
    secret: true,
  }),
  jwtSigningKey: setting({
    name: 'JWT_SIGNING_KEY',
    kind: text('the path of a PEM file', /^[^\0]+$/),
    default: null,
    meaning:
      'A private key, P-256 (ES256) or Ed25519 (EdDSA), that signs tokens in place of JWT_SECRET. Its public half is served as a JWKS.',
  }),
  jwtPublicKeys: setting({
    name: 'JWT_PUBLIC_KEYS',
    kind: list('paths of PEM files'),
    default: [],
    meaning:
      'Public keys of earlier or coming signing keys, whose tokens are accepted, too. A gateway needs the public key of JWT_SIGNING_KEY only.',
  }),
  jwtJwksUrl: setting({
    name: 'JWT_JWKS_URL',
    kind: keySetUrl,
    default: null,
    meaning: 'The address of the public keys (a JWKS) of an existing login. Needs JWT_ISSUER and JWT_AUDIENCE.',
  }),
  jwtIssuer: setting({
    name: 'JWT_ISSUER',
    kind: text('a text without spaces', /^[^\s\0]+$/),
    default: null,
    meaning: 'The `iss` that tokens must have. If unset, it is not checked.',
  }),
  jwtAudience: setting({
    name: 'JWT_AUDIENCE',
    kind: text('a text without spaces', /^[^\s\0]+$/),
    default: null,
    meaning: 'The `aud` that tokens must have. If unset, it is not checked.',
  }),
  allowedOrigins: setting({
    name: 'ALLOWED_ORIGINS',
    kind: origins,
    default: [],
    meaning:
      "Origins of pages that may connect, in addition to the hub's own. App shells have origins, too (capacitor://localhost, app://name). `*`: any page may connect.",
  }),
  allowGuests: setting({
    name: 'ALLOW_GUESTS',
    kind: onOff,
    default: { 'all-in-one': true, elsewhere: false },
    meaning: 'Whether anybody may get a guest token for a name.',
  }),
  allowCustomers: setting({
    name: 'ALLOW_CUSTOMERS',
    kind: customerDoor,
    default: { 'all-in-one': true, elsewhere: null },
    meaning: 'Whether customers may come in, or those of some channels only. If unset: on if ALLOWED_ORIGINS is set, otherwise off.',
  }),
  openRooms: setting({
    name: 'OPEN_ROOMS',
    kind: onOff,
    default: { 'all-in-one': true, elsewhere: false },
    meaning: 'Whether everybody may enter open rooms. If off, a user needs a `rooms` claim for them.',
  }),
  sessions: setting({
    name: 'SESSIONS',
    kind: choice('multi', 'single'),
    default: 'multi',
    meaning: '`single`: a new login of a user ends the older ones, on every node.',
  }),
  pairing: setting({
    name: 'PAIRING',
    kind: choice('waiting', 'anyone'),
    default: 'waiting',
    meaning:
      'Who is paired with a user who looks for a partner. `waiting`: others who wait, and those who said that they may be found. `anyone`: anybody who is online. The API and the workers need the same value.',
  }),
  messageMaxChars: setting({
    name: 'MESSAGE_MAX_CHARS',
    kind: integer(1, charsThatFit(FRAME_BYTES_MAX)),
    default: { 'all-in-one': CONVERSATION_CHARS, elsewhere: 200 },
    meaning: `The longest message text, in Unicode code points. In conversations ${CONVERSATION_CHARS}, or as many as fit into FRAME_MAX_BYTES, if that is more.`,
  }),
  frameMaxBytes: setting({
    name: 'FRAME_MAX_BYTES',
    kind: integer(1024, FRAME_BYTES_MAX),
    default: 32_768,
    meaning: 'The largest frame that a client may send, in bytes. At least 12 x MESSAGE_MAX_CHARS + 1024.',
  }),
  dataMaxBytes: setting({
    name: 'DATA_MAX_BYTES',
    kind: integer(0, 1_048_576),
    default: 4096,
    meaning: 'The largest `data` of a message, in bytes of JSON.',
    zero: 'none is accepted',
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
      'Open connections of a node (each process is one). It refuses further ones (OVERLOADED). At most its limit of open files less a reserve, the larger of 64 and 2 %.',
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
      'Open connections of one address on each node. An IPv6 /64 counts as one address. Behind a proxy set TRUSTED_PROXY_HOPS, otherwise all clients are one address.',
    zero: 'no limit',
  }),
  pingsPerSecond: setting({
    name: 'PINGS_PER_SECOND',
    kind: integer(0, 100_000),
    default: 5,
    meaning: 'Protocol pings that one connection may send a second. More close it (4029).',
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
    meaning: "Proxies in front of the hub that add to X-Forwarded-For. The client's address is that many places from its end.",
    zero: 'the header is ignored',
  }),
  streamMaxMessages: setting({
    name: 'STREAM_MAX_MESSAGES',
    kind: integer(1, 100_000),
    default: 1000,
    meaning: 'Messages and other events that the stream of a room keeps for users who come back.',
  }),
  streamMaxSeconds: setting({
    name: 'STREAM_MAX_SECONDS',
    kind: integer(1, 604_800),
    default: 3600,
    meaning: 'Seconds that the stream of a room keeps them.',
  }),
  emptyRoomSeconds: setting({
    name: 'EMPTY_ROOM_SECONDS',
    kind: integer(10, 86_400),
    default: 120,
    meaning: 'Seconds that an open room without a message is remembered after its last user left.',
  }),
  heartbeatSeconds: setting({
    name: 'HEARTBEAT_SECONDS',
    kind: integer(8, 960, 4),
    default: 32,
    meaning: 'Seconds of silence after which a connection counts as broken. The hub pings before.',
  }),
  drainSeconds: setting({
    name: 'DRAIN_SECONDS',
    kind: integer(0, 3600),
    default: 20,
    meaning: 'Seconds in which a node that got SIGTERM sends its clients away and exits.',
    zero: 'at once',
  }),
  drainListenSeconds: setting({
    name: 'DRAIN_LISTEN_SECONDS',
    kind: integer(0, 600),
    default: { 'all-in-one': 2, elsewhere: 5 },
    meaning:
      'Seconds that a node that got SIGTERM goes on listening at least, within DRAIN_SECONDS, and answers newcomers 503. A balancer needs them to notice.',
    zero: 'until its last client is gone',
  }),
  stateLostSeconds: setting({
    name: 'STATE_LOST_SECONDS',
    kind: integer(1, 3600),
    default: 30,
    meaning: 'Seconds that a node may be cut off from Redis before it closes its connections (4009).',
  }),
  nodeId: setting({
    name: 'NODE_ID',
    kind: text('1 to 64 of A-Z a-z 0-9 . _ -', /^[A-Za-z0-9._-]{1,64}$/),
    default: null,
    meaning: 'The name of this node in logs and in `welcome`. If unset, it is made from the host name and a random part.',
  }),
  gatewayProcesses: setting({
    name: 'GATEWAY_PROCESSES',
    kind: integer(1, 256),
    default: 1,
    meaning: 'Gateway processes that share the public port (Linux). One admin port answers for all. Best one for each core.',
  }),
  logLevel: setting({
    name: 'LOG_LEVEL',
    kind: choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    meaning: 'The lowest level of lines that are logged.',
  }),
  accessLogSample: setting({
    name: 'ACCESS_LOG_SAMPLE',
    kind: fraction,
    default: 0,
    meaning:
      'The share of requests of the API and of WebSocket handshakes that get a line of the log, at level info. Above 0, each answer 5xx and each request that is traced has one.',
    zero: 'none',
  }),
  ...TRACE_SETTINGS,
};
