import { afterAll, beforeAll, expect, it } from 'vitest';
import { hashPassword } from '#libs/auth/password.ts';
import type { CodeMail } from '#services/api/api-parts.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { type Answer, bearer, RoomStage, type StageApi } from '#test/support/room-stage.ts';

const JWK = { kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k', alg: 'EdDSA', use: 'sig' };

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(() => redis.stop());

const ann = bearer('ann');
const bob = bearer('bob', 'guest');
const zoe = bearer('zoe', 'customer');
const max = bearer('max', 'agent');

type Call = (...args: Parameters<StageApi['call']>) => Promise<Answer>;

async function accounts(stage: RoomStage, call: Call, mails: readonly CodeMail[]): Promise<void> {
  const account = 'eve@example.org';
  await call('POST', '/auth/code', undefined, { account });
  const { registration } = (await call('POST', '/auth/verify', undefined, { account, code: mails.at(-1)?.code })).body;
  const { refresh } = (await call('POST', '/auth/register', undefined, { registration, name: 'Eve' })).body;
  const next = (await call('POST', '/auth/refresh', undefined, { refresh })).body;
  await call('POST', '/auth/logout', undefined, { refresh: next.refresh });
  const customer = (await call('POST', '/customers', undefined, { name: 'Cy', channel: 'shop' })).body;
  await call('POST', '/customers/token', undefined, { customerId: customer.id, channel: 'shop', refresh: customer.refresh });
  await call('POST', '/guests', undefined, { name: 'Gil' });
  await stage.store.agents.create({ id: 'agent-1', name: 'Support', passwordHash: await hashPassword('correct horse battery') });
  await call('POST', '/public/login', undefined, { username: 'Support', password: 'correct horse battery' });
}

async function rooms(stage: RoomStage, call: Call): Promise<void> {
  await stage.arrive(ann);
  await call('POST', '/rooms/match', ann, {});
  await call('DELETE', '/rooms/match', ann);
  await stage.arrive(bob);
  await call('GET', '/rooms/match', bob);
  await call('PUT', '/rooms/match', bob, { findable: true });
  await call('POST', '/rooms/match', ann, {});
  const { room } = (await call('POST', '/rooms', ann, { name: 'x', kind: 'group' })).body;
  await call('POST', `/rooms/${room}/members`, ann, { members: ['bob'] });
  await call('GET', `/rooms/${room}/messages`, bob);
  await call('DELETE', `/rooms/${room}/members`, bob, { members: ['bob'] });
  await call('PATCH', `/rooms/${room}`, ann, { name: 'y' });
  await call('GET', `/rooms/${room}`, ann);
  await call('GET', '/rooms', ann);
  await call('DELETE', `/rooms/${room}`, ann);
}

async function conversations(stage: RoomStage, call: Call): Promise<void> {
  await stage.arrive(max);
  const { room } = (await call('POST', '/conversations', zoe, { subject: 'A parcel' })).body;
  await call('POST', '/conversations', zoe, {});
  await call('GET', '/conversations?state=assigned', max);
  await call('GET', `/conversations/${room}`, zoe);
  await call('GET', '/agents', max);
  await call('POST', `/conversations/${room}/assign`, max);
  await call('POST', `/conversations/${room}/close`, zoe);
}

async function services(call: Call): Promise<void> {
  await call('POST', '/push', 'service', { to: { user: 'ann' }, type: 'inform', body: 'hello' });
  await call('POST', '/publish', 'service', { room: 'park', text: 'hello' });
  await call('POST', '/disconnect', 'service', { user: 'ann' });
  await call('POST', '/revoke', 'service', { user: 'ann' });
  await call('POST', '/ban', 'service', { user: 'ann', seconds: 60 });
  await call('DELETE', '/ban/ann', 'service');
  await call('GET', '/users/ann/status', 'service');
  await call('POST', '/batch', 'service', { commands: [{ command: 'publish', room: 'park', text: 'hello' }] });
}

it('[A1] [A14] every success that the OpenAPI document describes is given by the API, as it is described', async () => {
  const stage = await RoomStage.start(redis.url);
  const mails: CodeMail[] = [];
  const api = await stage.api({ jwks: { keys: [JWK] }, queueMail: async (mail) => void mails.push(mail) });
  const call: Call = async (...args) => {
    const answer = await api.call(...args);
    expect(answer.status, `${args[0]} ${args[1]} ${JSON.stringify(answer.body)}`).toBeLessThan(300);
    return answer;
  };
  const described = api.document.unseen;
  expect(described.length).toBeGreaterThan(35);
  await accounts(stage, call, mails);
  await rooms(stage, call);
  await conversations(stage, call);
  await services(call);
  for (const path of ['/online', '/asyncapi.json', '/.well-known/jwks.json']) await call('GET', path, undefined);
  expect(api.document.unseen).toEqual([]);
});
