/** An example of each operation of the API. A test runs the curl lines against a real hub. */

/** The example of one operation. `$NAME` in it is a variable of the curl line, in `SAMPLES`. */
export interface OperationExample {
  readonly operationId: string;
  /** The variable with the token or key. */
  readonly token?: 'TOKEN' | 'CUSTOMER_TOKEN' | 'AGENT_TOKEN' | 'KEY';
  /** The parameters of the path. */
  readonly path?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** The status that the curl line gets. */
  readonly status: number;
  /** The body of each successful answer, by status. */
  readonly answers?: Readonly<Record<number, unknown>>;
}

/** What the variables of curl lines may contain, for the examples of bodies. */
export const SAMPLES: Readonly<Record<string, string>> = {
  CODE: '7KQ2MX',
  ATTEMPT: 'b3J2nQxk5mT1cVhZ0yW8sA',
  REGISTRATION: 'Zp4LrX0uQm9TnCe2kVwB1g',
  REFRESH: 'q1Vt8Zb0pWcY5nKx.u7Rr2LhJm4SdGf6A',
  CUSTOMER_REFRESH: 'w9Ks3Df0tUvB7hNy.e5Gj1PzQx8LcRm2C',
  PASSWORD: 'correct horse battery staple',
  USER: '3f0f5a0e-6c0b-4b7e-9d55-0a4f7c1d2e3b',
  CUSTOMER: '9a1b7c2d-4e5f-4a6b-8c7d-1e2f3a4b5c6d',
  GROUP: 'group:Jk3mXq7TzB2nVw',
  CONVERSATION: 'conv:Rt5yHn8PqL4cKd',
};

const NOW = 1_790_000_000_000;
const ADA = { id: '5d2c1b7e-0f3a-4c8d-b6e9-7a1f2e3d4c5b', name: 'Ada', kind: 'user' };
const BOB = { id: SAMPLES['USER'], name: 'Bob', kind: 'user' };
const ZOE = { id: SAMPLES['CUSTOMER'], name: 'Zoe', kind: 'customer' };
const MAX = { id: '0c9b8a7f-6e5d-4c3b-a291-807f6e5d4c3b', name: 'Max', kind: 'agent' };

const login = (user: object, refresh = 'REFRESH') => ({
  token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI1ZDJjMWI3ZSJ9.c2lnbmF0dXJl',
  expiresAt: 1_790_000_900,
  refresh: SAMPLES[refresh],
  session: '1f7b2c9a-3d4e-4f5a-8b6c-7d8e9f0a1b2c',
  user,
});

const group = {
  room: SAMPLES['GROUP'],
  kind: 'group',
  name: 'Walkers',
  owner: ADA.id,
  keepHistory: true,
  createdAt: NOW,
  count: 1,
  members: 2,
  offset: 0,
  unread: 0,
};
const groupDetails = { ...group, people: [ADA, BOB] };
const message = { id: 'm-1', from: ADA, text: 'Hello', at: NOW };
const conversation = {
  room: SAMPLES['CONVERSATION'],
  state: 'assigned',
  subject: 'Where is my parcel?',
  customer: ZOE,
  agent: MAX,
  createdAt: NOW,
};
const queued = { ...conversation, state: 'queued', agent: undefined };

/** By method and path, as in the document. */
export const EXAMPLES: Readonly<Record<string, OperationExample>> = {
  'POST /api/v1/auth/code': {
    operationId: 'sendCode',
    body: { account: 'ada@example.com' },
    status: 202,
    answers: { 202: { attempt: SAMPLES['ATTEMPT'] } },
  },
  'POST /api/v1/auth/verify': {
    operationId: 'verifyCode',
    body: { account: 'ada@example.com', code: '$CODE', attempt: '$ATTEMPT' },
    status: 200,
    answers: { 200: { registration: SAMPLES['REGISTRATION'] } },
  },
  'POST /api/v1/auth/register': {
    operationId: 'register',
    body: { registration: '$REGISTRATION', name: 'Ada' },
    status: 201,
    answers: { 201: login(ADA) },
  },
  'POST /api/v1/auth/refresh': {
    operationId: 'renewLogin',
    body: { refresh: '$REFRESH' },
    status: 200,
    answers: { 200: login(ADA) },
  },
  'POST /api/v1/auth/logout': { operationId: 'endLogin', body: { refresh: '$REFRESH' }, status: 204 },
  'POST /api/v1/guests': {
    operationId: 'createGuest',
    body: { name: 'Gil' },
    status: 201,
    answers: { 201: login({ id: '8e7d6c5b-4a39-4827-9160-5f4e3d2c1b0a', name: 'Gil', kind: 'guest' }) },
  },
  'POST /api/v1/customers': {
    operationId: 'createCustomer',
    body: { name: 'Zoe', channel: 'shop', metadata: { plan: 'gold' } },
    status: 201,
    answers: { 201: { id: ZOE.id, ...login(ZOE, 'CUSTOMER_REFRESH') } },
  },
  'POST /api/v1/customers/token': {
    operationId: 'renewCustomer',
    body: { customerId: '$CUSTOMER', channel: 'shop', refresh: '$CUSTOMER_REFRESH' },
    status: 200,
    answers: { 200: login(ZOE, 'CUSTOMER_REFRESH') },
  },
  'POST /api/v1/public/login': {
    operationId: 'logInAsAgent',
    body: { username: 'Max', password: '$PASSWORD' },
    status: 200,
    answers: { 200: login(MAX) },
  },
  'GET /api/v1/online': { operationId: 'countOnline', status: 200, answers: { 200: { count: 7 } } },
  'GET /api/v1/rooms': { operationId: 'listRooms', token: 'TOKEN', status: 200, answers: { 200: { rooms: [group] } } },
  'POST /api/v1/rooms': {
    operationId: 'createRoom',
    token: 'TOKEN',
    body: { name: 'Walkers', kind: 'group', keepHistory: true },
    status: 201,
    answers: { 201: groupDetails },
  },
  'GET /api/v1/rooms/{room}': {
    operationId: 'getRoom',
    token: 'TOKEN',
    path: { room: '$GROUP' },
    status: 200,
    answers: { 200: groupDetails },
  },
  'PATCH /api/v1/rooms/{room}': {
    operationId: 'changeRoom',
    token: 'TOKEN',
    path: { room: '$GROUP' },
    body: { name: 'Early walkers' },
    status: 200,
    answers: { 200: { ...groupDetails, name: 'Early walkers' } },
  },
  'GET /api/v1/rooms/{room}/messages': {
    operationId: 'listMessages',
    token: 'TOKEN',
    path: { room: '$GROUP' },
    status: 200,
    answers: { 200: { messages: [{ offset: 1, message }], more: false } },
  },
  'POST /api/v1/rooms/{room}/members': {
    operationId: 'addMembers',
    token: 'TOKEN',
    path: { room: '$GROUP' },
    body: { members: ['$USER'] },
    status: 200,
    answers: { 200: { people: [ADA, BOB] } },
  },
  'DELETE /api/v1/rooms/{room}/members': {
    operationId: 'removeMembers',
    token: 'TOKEN',
    path: { room: '$GROUP' },
    body: { members: ['$USER'] },
    status: 200,
    answers: { 200: { people: [ADA] } },
  },
  'DELETE /api/v1/rooms/{room}': { operationId: 'endRoom', token: 'TOKEN', path: { room: '$GROUP' }, status: 204 },
  'POST /api/v1/rooms/match': {
    operationId: 'findPartner',
    token: 'TOKEN',
    body: { keepHistory: true },
    status: 202,
    answers: { 200: { room: 'pair:Vb6nMk2WsX9dFg', with: BOB, expiresAt: NOW + 86_400_000 }, 202: { waiting: true } },
  },
  'GET /api/v1/rooms/match': {
    operationId: 'getFindability',
    token: 'TOKEN',
    status: 200,
    answers: { 200: { pairing: 'waiting', findable: false } },
  },
  'PUT /api/v1/rooms/match': {
    operationId: 'setFindability',
    token: 'TOKEN',
    body: { findable: true },
    status: 200,
    answers: { 200: { pairing: 'waiting', findable: true } },
  },
  'DELETE /api/v1/rooms/match': { operationId: 'stopWaiting', token: 'TOKEN', status: 204 },
  'POST /api/v1/conversations': {
    operationId: 'openConversation',
    token: 'CUSTOMER_TOKEN',
    body: { subject: 'Where is my parcel?' },
    status: 201,
    answers: { 200: conversation, 201: queued },
  },
  'GET /api/v1/conversations': {
    operationId: 'listConversations',
    token: 'AGENT_TOKEN',
    status: 200,
    answers: { 200: { conversations: [queued] } },
  },
  'GET /api/v1/conversations/{room}': {
    operationId: 'getConversation',
    token: 'AGENT_TOKEN',
    path: { room: '$CONVERSATION' },
    status: 200,
    answers: { 200: { ...queued, channel: 'shop', metadata: { plan: 'gold' } } },
  },
  'GET /api/v1/agents': { operationId: 'listAgents', token: 'AGENT_TOKEN', status: 200, answers: { 200: { agents: [MAX] } } },
  'POST /api/v1/conversations/{room}/assign': {
    operationId: 'assignConversation',
    token: 'AGENT_TOKEN',
    path: { room: '$CONVERSATION' },
    body: {},
    status: 200,
    answers: { 200: conversation },
  },
  'POST /api/v1/conversations/{room}/close': {
    operationId: 'closeConversation',
    token: 'CUSTOMER_TOKEN',
    path: { room: '$CONVERSATION' },
    body: {},
    status: 204,
  },
  'POST /api/v1/push': {
    operationId: 'push',
    token: 'KEY',
    body: { to: { all: true }, type: 'inform', code: 'notice', body: 'Back in five minutes.' },
    status: 202,
    answers: { 202: {} },
  },
  'POST /api/v1/publish': {
    operationId: 'publish',
    token: 'KEY',
    body: { room: 'park', text: 'Good morning.' },
    status: 200,
    answers: { 200: { id: '4c3b2a19-0807-4655-b443-322110ffeedd', at: NOW } },
  },
  'POST /api/v1/disconnect': {
    operationId: 'disconnect',
    token: 'KEY',
    body: { user: '$USER', reason: 'Please come back later.' },
    status: 202,
    answers: { 202: {} },
  },
  'POST /api/v1/revoke': { operationId: 'revoke', token: 'KEY', body: { user: '$USER' }, status: 202, answers: { 202: {} } },
  'POST /api/v1/ban': { operationId: 'ban', token: 'KEY', body: { user: '$USER', seconds: 3600 }, status: 202, answers: { 202: {} } },
  'DELETE /api/v1/ban/{user}': { operationId: 'liftBan', token: 'KEY', path: { user: '$USER' }, status: 202, answers: { 202: {} } },
  'GET /api/v1/users/{id}/status': {
    operationId: 'getStatus',
    token: 'KEY',
    path: { id: '$USER' },
    status: 200,
    answers: { 200: { online: true, sessions: 1, lastSeen: NOW } },
  },
  'POST /api/v1/batch': {
    operationId: 'runBatch',
    token: 'KEY',
    body: { commands: [{ command: 'publish', room: 'park', text: 'Good evening.' }] },
    status: 200,
    answers: { 200: { results: [{ ok: true, result: { id: '4c3b2a19-0807-4655-b443-322110ffeede', at: NOW } }] } },
  },
  'GET /api/v1/asyncapi.json': {
    operationId: 'getAsyncApi',
    status: 200,
    answers: { 200: { asyncapi: '3.0.0', info: { title: 'Parley', version: '0.2.0' } } },
  },
  'GET /.well-known/jwks.json': {
    operationId: 'getKeys',
    status: 200,
    answers: {
      200: {
        keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'k1', alg: 'EdDSA', use: 'sig' }],
      },
    },
  },
};
