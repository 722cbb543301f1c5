/** The TypeScript types of all frames, made from the table. */
import { CLIENT_FRAMES, type ClientFrameRow, SERVER_FRAMES, type ServerFrameRow } from '#libs/protocol/frames.ts';
import {
  CHAT_MESSAGE,
  DATA,
  FRAME_ID,
  JOIN_TARGET,
  type Members,
  type MemberType,
  type ObjectType,
  OFFSET,
  optional,
  PAGE_EVENT,
  PAGE_MESSAGE,
  PERSON,
  POSITION,
  ROOM,
  ROOM_EVENT,
  TEXT,
} from '#libs/protocol/member-types.ts';

const SHAPES = [PERSON, POSITION, JOIN_TARGET, CHAT_MESSAGE, PAGE_MESSAGE, ROOM_EVENT, PAGE_EVENT];

/** Whether an absent member may also be `undefined`: only in frames that a client sends. */
type Side = 'given' | 'received';

/** The interface of a server frame: `room_online` has `RoomOnlineFrame`. */
function interfaceOf(type: string): string {
  return `${type.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Frame`;
}

function typeOf(type: MemberType, side: Side): string {
  switch (type.type) {
    case 'string':
      return type.enum?.map((value) => `'${value}'`).join(' | ') ?? 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'const':
      return typeof type.value === 'string' ? `'${type.value}'` : String(type.value);
    case 'any':
      return 'unknown';
    case 'boolean':
      return 'boolean';
    case 'array':
      return `readonly ${typeOf(type.items, side)}[]`;
    case 'object':
      return (
        type.name ??
        `{ ${Object.entries(type.members)
          .map((member) => declaration(member, side))
          .join('; ')} }`
      );
  }
}

function declaration([name, type]: [string, MemberType], side: Side): string {
  const isOptional = type.optional === true;
  return `readonly ${name}${isOptional ? '?' : ''}: ${typeOf(type, side)}${isOptional && side === 'given' && type.type !== 'any' ? ' | undefined' : ''}`;
}

/** Columns of a line, as the formatter has them. */
const LINE_MAX = 140;

/** Members of every frame need no comment, and an interface has its own. */
function isPlain(type: MemberType): boolean {
  return (
    [FRAME_ID, ROOM, OFFSET, TEXT, DATA].some(({ description }) => description === type.description) ||
    (type.type === 'object' && type.name !== undefined)
  );
}

function lines(members: Members, side: Side, indent: string): string[] {
  return Object.entries(members).flatMap(([name, type]) => [
    ...(type.description === undefined || isPlain(type) ? [] : [`${indent}/** ${type.description} */`]),
    ...declarationLines([name, type], side, indent),
  ]);
}

/** An object that does not fit in a line has a line for each of its members, with their comments. */
function declarationLines([name, type]: [string, MemberType], side: Side, indent: string): string[] {
  const line = `${indent}${declaration([name, type], side)};`;
  if (line.length <= LINE_MAX || type.type !== 'object' || type.name !== undefined) return [line];
  const [head = ''] = line.split('{');
  return [`${head}{`, ...lines(type.members, side, `${indent}  `), `${indent}};`];
}

function shape({ name, description, members }: ObjectType): string {
  return [
    `/** ${description} */`,
    `export interface ${name} {`,
    ...lines(members, name === JOIN_TARGET.name ? 'given' : 'received', '  '),
    '}',
    '',
  ].join('\n');
}

function serverFrame([type, { summary, members }]: [string, ServerFrameRow]): string {
  return [
    `/** ${summary} */`,
    `export interface ${interfaceOf(type)} {`,
    `  readonly type: '${type}';`,
    ...lines(members, 'received', '  '),
    '}',
    '',
  ].join('\n');
}

function clientFrame([name, { type = name, summary, members }]: [string, ClientFrameRow]): string[] {
  const own = lines({ id: optional(FRAME_ID), ...members }, 'given', '    ');
  const parts = [`    readonly type: '${type}';`, ...own].map((line) => line.trim());
  const short = `  readonly ${name}: { ${parts.join(' ').slice(0, -1)} };`;
  const isShort = short.length <= LINE_MAX && !short.includes('/**');
  return [`  /** ${summary} */`, ...(isShort ? [short] : [`  readonly ${name}: {`, ...parts.map((part) => `    ${part}`), '  };'])];
}

/** The text of `libs/protocol/frame-types.ts`. */
export function frameTypes(): string {
  const client = Object.entries<ClientFrameRow>(CLIENT_FRAMES);
  const server = Object.entries<ServerFrameRow>(SERVER_FRAMES);
  return `/**
 * The types of all frames. Made from \`frames.ts\` by \`npm run generate\`: change the table, not this file.
 * Members that are not listed are ignored, frames of types that are not listed are passed over.
 */

${SHAPES.map(shape).join('\n')}
/** Frames that a client sends, by their names in the table: several may have one \`type\`. */
export interface ClientFrames {
${client.flatMap(clientFrame).join('\n')}
}

/** A frame as a client sends it. */
export type ClientFrame = ClientFrames[keyof ClientFrames];

/**
 * The answers to the frames of a client. \`ErrorFrame\` answers any of them, and is the only answer
 * to those that are not listed.
 */
export interface Answers {
${client.flatMap(([name, { answer }]) => (answer === undefined ? [] : [`  readonly ${name}: ${interfaceOf(answer)};`])).join('\n')}
}

${server.map(serverFrame).join('\n')}
/** Frames that the server sends, by \`type\`. */
export interface ServerFrames {
${server.map(([type]) => `  readonly ${type}: ${interfaceOf(type)};`).join('\n')}
}
/** A frame as the server sends it. */
export type ServerFrame = ServerFrames[keyof ServerFrames];
`;
}
