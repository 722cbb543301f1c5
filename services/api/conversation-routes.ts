/** Conversations of customers with agents (A10). */

import { type Static, Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import { may } from '#libs/protocol/user-kinds.ts';
import type { RoomServices } from '#libs/rooms/room-services.ts';
import type { ConversationRecord } from '#libs/store/conversation-store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { authenticated } from './access.ts';
import type { Routes } from './api-parts.ts';
import { idempotent, newRoom } from './idempotency.ts';
import { Next, nextOf, pageQuery, placeOf } from './list-cursor.ts';
import { errors } from './openapi.ts';
import { requireLimits } from './rate-limits.ts';
import { memberOf, optionalBody, PersonView, RoomName, RoomPath, toTitle, UserId } from './room-schemas.ts';

const TAGS = ['Conversations'];
/** Conversations on one page. */
const LIST_MAX = 200;

type Place = readonly [createdAt: number, seq: number];

const State = Type.Union([Type.Literal('queued'), Type.Literal('assigned'), Type.Literal('closed')]);

const Conversation = Type.Object(
  {
    room: RoomName,
    state: State,
    subject: Type.String(),
    customer: PersonView,
    agent: Type.Optional(PersonView),
    createdAt: Type.Integer({ description: 'Unix milliseconds.' }),
    endedAt: Type.Optional(Type.Integer({ description: 'Unix milliseconds. Absent while it is open.' })),
    customerOnline: Type.Optional(Type.Boolean({ description: 'For agents. Absent if the hub cannot tell.' })),
  },
  { title: 'Conversation', description: 'A conversation of a customer.' },
);

const ConversationDetails = Type.Object(
  {
    ...Conversation.properties,
    channel: Type.Optional(Type.String({ description: 'The channel of the customer; for agents.' })),
    metadata: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: 'The metadata of the customer; for agents.' })),
  },
  { title: 'ConversationDetails', description: 'A conversation. For agents, with details of its customer.' },
);

const Agents = Type.Object({ agents: Type.Array(PersonView) });

const Nothing = Type.Object({}, { additionalProperties: false });

const Opening = Type.Object(
  {
    subject: Type.Optional(Type.String({ description: 'The subject of a new conversation.' })),
    new: Type.Optional(Type.Boolean({ description: 'Open a new conversation even if others are open; at most three.' })),
  },
  { additionalProperties: false },
);

const ListQuery = Type.Object(
  {
    state: Type.Optional(State),
    agent: Type.Optional(UserId),
    customer: Type.Optional({ ...UserId, description: 'For agents. A customer gets their own only.' }),
    ...pageQuery(LIST_MAX),
  },
  { additionalProperties: false },
);

const Conversations = Type.Object({ conversations: Type.Array(Conversation), next: Next });

const AssignTo = Type.Object(
  { agent: Type.Optional({ ...UserId, description: 'An agent who is online. Default: me.' }) },
  { additionalProperties: false },
);

/** Adds the routes of A10: for customers (`ask`) and for agents (`answer`). */
export function conversationRoutes({ assignment }: Pick<RoomServices, 'assignment'>): Routes {
  return (api, parts) => {
    const { store, limits } = parts;
    api.post<{ Body: Static<typeof Opening> }>(
      '/conversations',
      {
        ...idempotent(authenticated('ask')),
        preValidation: optionalBody,
        schema: {
          tags: TAGS,
          summary: 'Ask for an agent (A10)',
          description:
            'Returns the open conversation if there is one (200), otherwise a new one (201). It goes to the online agent with the fewest open conversations, or waits for an agent. Both get `command {code:"conversation"}`.',
          body: Opening,
          response: { 200: Conversation, 201: Conversation, ...errors(403, 409, 429) },
        },
      },
      async (request, reply) => {
        const { user, body } = request;
        await requireLimits(limits, ['conversationsPerUser', user.userId]);
        const subject = body.subject === undefined ? '' : toTitle(body.subject, 'subject');
        const { record, made } = await assignment.open(memberOf(user), subject, body.new ?? false, newRoom(parts, request, 'conv'));
        return reply.status(made ? 201 : 200).send(view(record));
      },
    );

    api.get<{ Querystring: Static<typeof ListQuery> }>(
      '/conversations',
      {
        ...authenticated('ask', 'answer'),
        schema: {
          tags: TAGS,
          summary: 'List conversations (A10)',
          description:
            'Agents get those of all customers, a customer their own. With `state=queued` the longest waiting first, otherwise the newest first; page by page (A16).',
          querystring: ListQuery,
          response: { 200: Conversations, ...errors(403) },
        },
      },
      async ({ user, query: { state, agent, customer: asked, after, limit = LIST_MAX } }) => {
        const answers = may(user.kind, 'answer');
        const customer = answers ? asked : user.userId;
        if (!answers && asked !== undefined && asked !== user.userId) throw new HubError('FORBIDDEN');
        // A cursor is valid only for the same filters. In another list it would skip items that
        // nobody has seen.
        const list = JSON.stringify(['conversations', state, agent, ...(customer === undefined ? [] : [customer])]);
        const place = after === undefined ? undefined : placeOf<Place>(list, after, [0, 0]);
        const { items, next } = await store.conversations.list({
          state,
          agent,
          customer,
          after: place && { createdAt: place[0], seq: place[1] },
          limit,
        });
        const views = answers ? await withPresence(assignment, parts.log, items) : items.map(view);
        return { conversations: views, ...nextOf(list, next && [next.createdAt, next.seq]) };
      },
    );

    api.get<{ Params: RoomPath }>(
      '/conversations/:room',
      {
        ...authenticated('ask', 'answer'),
        schema: {
          tags: TAGS,
          summary: 'Get one conversation (A10)',
          description: 'Also after its end. A customer gets only their own; an agent gets details of the customer, too.',
          params: RoomPath,
          response: { 200: ConversationDetails, ...errors(403, 404) },
        },
      },
      async ({ user, params }) => {
        const record = await store.conversations.get(params.room);
        if (!may(user.kind, 'answer')) {
          if (record?.customer.id !== user.userId) throw new HubError('FORBIDDEN');
          return view(record);
        }
        if (record === undefined) throw new HubError('ROOM_NOT_FOUND');
        const customer = await store.customers.byId(record.customer.id);
        const { channel, metadata } = customer ?? {};
        const [seen = view(record)] = await withPresence(assignment, parts.log, [record]);
        return { ...seen, ...(channel === undefined ? {} : { channel }), ...(metadata === undefined ? {} : { metadata }) };
      },
    );

    api.get(
      '/agents',
      {
        ...authenticated('answer'),
        schema: { tags: TAGS, summary: 'List the agents online (A10)', response: { 200: Agents, ...errors(403) } },
      },
      async () => ({ agents: await assignment.agentsOnline() }),
    );

    api.post<{ Params: RoomPath; Body: Static<typeof AssignTo> }>(
      '/conversations/:room/assign',
      {
        ...authenticated('answer'),
        preValidation: optionalBody,
        schema: {
          tags: TAGS,
          summary: 'Take a conversation, or give it to another agent (A10)',
          params: RoomPath,
          body: AssignTo,
          response: { 200: Conversation, ...errors(403, 404, 410) },
        },
      },
      async ({ user, params, body }) => view(await assignment.assign(params.room, memberOf(user), body.agent)),
    );

    api.post<{ Params: RoomPath; Body: Static<typeof Nothing> }>(
      '/conversations/:room/close',
      {
        ...authenticated('ask', 'answer'),
        preValidation: optionalBody,
        schema: {
          tags: TAGS,
          summary: 'End a conversation (A10)',
          description: 'For its customer and its agent. While it has no agent, for any agent.',
          params: RoomPath,
          body: Nothing,
          response: { 204: Type.Null({ description: 'It has ended, and both were notified.' }), ...errors(403, 410) },
        },
      },
      async ({ user, params }, reply) => {
        await assignment.close(params.room, { id: user.userId, kind: user.kind });
        return reply.status(204).send();
      },
    );
  };
}

function view({ room, state, subject, customer, agent, createdAt, endedAt }: ConversationRecord): Static<typeof Conversation> {
  const ended = endedAt === undefined ? {} : { endedAt };
  return { room, state, subject, customer, ...(agent === undefined ? {} : { agent }), createdAt, ...ended };
}

/** Whether each customer is online, for agents. A list without it is better than none. */
async function withPresence(
  assignment: RoomServices['assignment'],
  log: Logger,
  records: readonly ConversationRecord[],
): Promise<Static<typeof Conversation>[]> {
  try {
    const online = await assignment.online(records.map(({ customer }) => customer));
    return records.map((record) => ({ ...view(record), customerOnline: online.has(record.customer.id) }));
  } catch (error) {
    log.debug({ err: error }, 'conversations are listed without the presence of their customers');
    return records.map(view);
  }
}
