/** Lists, resets and removes agents. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { hashPassword } from '#libs/auth/password.ts';
import type { AgentRecord, ListedAgent } from '#libs/store/account-store.ts';
import type { Store } from '#libs/store/store.ts';
import { AgentError, requirePassword } from './add-agent.ts';

/** Milliseconds that a revocation is kept: longer than any token of the hub lives. */
const REVOKED_MS = 31 * 86_400_000;
/**
 * Milliseconds until every node has closed the sockets of a revoked agent (R7, A4) and has written
 * that the agent left.
 */
const ENDED_MS = 4_000;
/** Conversations that are read at a time. */
const PAGE = 200;

/** Returns the agents of this hub as lines of text, sorted by name, without a line for none. */
export async function listAgents({ agents }: Pick<Store, 'agents'>): Promise<string[]> {
  return (await agents.list()).map(lineOf);
}

function lineOf({ name, createdAt, lastSeen, conversations }: ListedAgent): string {
  const seen = lastSeen === undefined ? 'never here' : `last here ${dayOf(lastSeen)}`;
  return `${name}  (added ${dayOf(createdAt)}, ${seen}, open conversations: ${conversations})`;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/**
 * Gives an agent another password, and ends all logins: on every node within two seconds. Resolves
 * to the agent's name as it is stored. Rejects with `AgentError` if there is no agent of this name,
 * or the password is not allowed.
 */
export async function resetAgent(
  store: Pick<Store, 'agents' | 'logins' | 'revocations'>,
  { name, password, now }: { readonly name: string; readonly password: string; readonly now: () => number },
): Promise<string> {
  requirePassword(password);
  const agent = await known(store, name);
  await store.agents.setPassword(agent.id, await hashPassword(password));
  await endLogins(store, agent.id, now);
  return agent.name;
}

/**
 * Removes an agent. Ends all logins, on every node within two seconds, and puts the agent's open
 * conversations back into the queue: an agent who is online gets them within seconds. Resolves when
 * that is done, to the agent's name as it was stored, and the number of these conversations. Rejects
 * with `AgentError` if there is no agent of this name.
 */
export async function removeAgent(
  store: Pick<Store, 'agents' | 'logins' | 'revocations' | 'conversations'>,
  { name, now }: { readonly name: string; readonly now: () => number },
): Promise<{ readonly name: string; readonly conversations: number }> {
  const agent = await known(store, name);
  // If the command fails after this it can be run again, and nobody logs in meanwhile.
  await store.agents.setPassword(agent.id, await hashPassword(randomUUID()));
  await endLogins(store, agent.id, now);
  await store.agents.remove(agent.id);
  const rooms = await requeue(store, agent.id);
  // An assignment under way may still choose the agent, and a socket that closes is seen.
  await delay(ENDED_MS);
  const late = await requeue(store, agent.id);
  await store.agents.remove(agent.id);
  return { name: agent.name, conversations: new Set([...rooms, ...late]).size };
}

async function known({ agents }: Pick<Store, 'agents'>, name: string): Promise<Pick<AgentRecord, 'id' | 'name'>> {
  const agent = await agents.byName(name);
  if (agent === undefined) throw new AgentError(`there is no agent called ${name}. To see their names: npm run agent -- list`);
  return agent;
}

async function endLogins({ logins, revocations }: Pick<Store, 'logins' | 'revocations'>, id: string, now: () => number): Promise<void> {
  // The logins end first: a token that one of them still gives out is older than the revocation.
  await logins.revokeFamiliesOf(id);
  const at = now();
  await revocations.add({ kind: 'user', subject: id, reason: '', at, until: at + REVOKED_MS });
}

/** Puts the open conversations of an agent into the queue. Returns their rooms. */
async function requeue({ conversations }: Pick<Store, 'conversations'>, agent: string): Promise<Set<string>> {
  const rooms = new Set<string>();
  for (;;) {
    const { items } = await conversations.list({ state: 'assigned', agent, limit: PAGE });
    if (items.length === 0) return rooms;
    for (const { room } of items) if ((await conversations.reassign(room, agent, [])) !== undefined) rooms.add(room);
  }
}
