/** Runs many commands of a service in one request (A11). */
import type { TSchema } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import { ERRORS, HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { Ban, Disconnect, Publish, Push, Revoke, type ServiceCommands, Unban, withId } from './service-commands.ts';

/**
 * Chains of commands that run at the same time. Commands on one room or one user form a chain and
 * run one after the other.
 */
const AT_ONCE = 64;

type Command = Readonly<Record<string, unknown>>;

/** The outcome of one command. */
export interface BatchResult {
  readonly ok: boolean;
  /** The body that the route of this command answers with; absent if that is empty. */
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly retryable: boolean };
}

type BatchRequest = Pick<FastifyRequest, 'id' | 'service' | 'compileValidationSchema'>;

interface Kind {
  readonly schema: TSchema;
  /** `id` is for a message without one. */
  run(commands: ServiceCommands, service: string, members: never, id: string | undefined): Promise<unknown>;
}

/** The commands by their `command` member. The other members are those of the route's body. */
export const BATCH_COMMANDS = {
  push: { schema: Push, run: (commands, _, members) => commands.push(members) },
  publish: { schema: Publish, run: (commands, service, members, id) => commands.publish(service, withId(members, id)) },
  disconnect: { schema: Disconnect, run: (commands, _, members) => commands.disconnect(members) },
  revoke: { schema: Revoke, run: (commands, _, members) => commands.revoke(members) },
  ban: { schema: Ban, run: (commands, _, members) => commands.ban(members) },
  unban: { schema: Unban, run: (commands, _, members) => commands.unban(members) },
} as const satisfies Record<string, Kind>;

/**
 * Runs the commands. Resolves to one result for each, in the same order. A command that is wrong or
 * fails stops no other. Never rejects.
 *
 * @param id The prefix for ids of messages that have none. Undefined: they get fresh ids.
 */
export async function runBatch(
  list: readonly unknown[],
  request: BatchRequest,
  commands: ServiceCommands,
  log: Logger,
  id: string | undefined,
): Promise<BatchResult[]> {
  const results: BatchResult[] = [];
  const chains = new Map<string, number[]>();
  for (const [index, command] of list.entries()) {
    const key = subjectOf(command);
    const chain = chains.get(key);
    if (chain === undefined) chains.set(key, [index]);
    else chain.push(index);
  }
  const queue = [...chains.values()];
  const work = async (): Promise<void> => {
    for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
      for (const index of chain) results[index] = await runOne(list[index], request, commands, log, id && `${id}.${index}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function runOne(
  value: unknown,
  request: BatchRequest,
  commands: ServiceCommands,
  log: Logger,
  id: string | undefined,
): Promise<BatchResult> {
  try {
    if (!isObject(value)) throw new HubError('INVALID_REQUEST', 'a command must be an object');
    const { command, ...members } = value;
    const kind: Kind | undefined = isKind(command) ? BATCH_COMMANDS[command] : undefined;
    if (kind === undefined) {
      throw new HubError('INVALID_REQUEST', `\`command\` must be one of ${Object.keys(BATCH_COMMANDS).join(', ')}`);
    }
    const validate = request.compileValidationSchema(kind.schema);
    if (!validate(members)) {
      const [problem] = validate.errors ?? [];
      throw new HubError('INVALID_REQUEST', `${problem?.instancePath ?? ''} ${problem?.message ?? 'is not valid'}`.trim());
    }
    const result = await kind.run(commands, request.service, members as never, id);
    return { ok: true, ...(result === undefined ? {} : { result }) };
  } catch (error) {
    // An unexpected error stops no other command. It is logged, and the client sees only
    // `INTERNAL`.
    const known = error instanceof HubError ? error : new HubError('INTERNAL');
    if (known !== error) log.error({ err: error, request: request.id }, 'a command of a batch failed');
    return { ok: false, error: { code: known.code, message: known.message, retryable: ERRORS[known.code].retryable } };
  }
}

/** Returns the subject of a command. Commands with the same subject keep their order. */
function subjectOf(value: unknown): string {
  if (!isObject(value)) return '';
  const to = isObject(value['to']) ? value['to'] : value;
  for (const member of ['room', 'user', 'session', 'token']) {
    const subject = to[member];
    if (typeof subject === 'string') return `${member} ${subject}`;
  }
  return '';
}

function isObject(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isKind(command: unknown): command is keyof typeof BATCH_COMMANDS {
  return typeof command === 'string' && Object.hasOwn(BATCH_COMMANDS, command);
}
