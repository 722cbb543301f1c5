/** The tables of SPEC.md that are made from tables of the code. */
import { notation } from '#libs/protocol/client-frame.ts';
import { ERRORS, type ErrorEntry } from '#libs/protocol/errors.ts';
import { CLIENT_FRAMES, type ClientFrameRow, SERVER_FRAMES, type ServerFrameRow } from '#libs/protocol/frames.ts';
import type { Members } from '#libs/protocol/member-types.ts';
import { POWERS, type Power, USER_KINDS } from '#libs/protocol/user-kinds.ts';

/** The `id` is described once for all frames, so it is left out here. */
function frameNotation(type: string, { id: _, ...members }: Members): string {
  return `\`${type} ${notation(members, 1)}\``;
}

function prose({ summary, detail }: { readonly summary: string; readonly detail?: string }): string {
  return detail === undefined ? summary : `${summary} ${detail}`;
}

/** The frames of a client and their answers. An answer is written out once. */
function clientTable(): string[] {
  const known = new Set<string>();
  const answered = ({ answer }: ClientFrameRow): string => {
    if (answer === undefined) return 'nothing';
    if (known.has(answer)) return `\`${answer}\``;
    known.add(answer);
    return frameNotation(answer, SERVER_FRAMES[answer as keyof typeof SERVER_FRAMES].members);
  };
  return [
    '| a client sends | it gets | |',
    '|---|---|---|',
    ...Object.entries<ClientFrameRow>(CLIENT_FRAMES).map(
      ([name, row]) => `| ${frameNotation(row.type ?? name, row.members)} | ${answered(row)} | ${prose(row)} |`,
    ),
  ];
}

function serverTable(): string[] {
  return [
    '| the server sends | when |',
    '|---|---|',
    ...Object.entries<ServerFrameRow>(SERVER_FRAMES).flatMap(([type, row]) =>
      row.isAnswer === true ? [] : [`| ${frameNotation(type, row.members)} | ${prose(row)} |`],
    ),
  ];
}

function examples(): string[] {
  const client = Object.entries<ClientFrameRow>(CLIENT_FRAMES).map(([name, { type = name, example }]) =>
    JSON.stringify({ type, ...example }),
  );
  const server = Object.entries<ServerFrameRow>(SERVER_FRAMES).map(([type, { example }]) => JSON.stringify({ type, ...example }));
  return ['One of each, of the client:', '', '```json', ...client, '```', '', 'and of the server:', '', '```json', ...server, '```'];
}

/** The table of errors. */
export function errorTable(): string {
  const rows = Object.entries<ErrorEntry>(ERRORS).map(
    ([code, { status, close, reply, retryable, message }]) =>
      `| \`${code}\` | ${status || ''} | ${close || ''} | ${reply ? 'yes' : ''} | ${retryable ? 'yes' : ''} | ${message} |`,
  );
  return ['| code | HTTP | close | frame | again | says |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

/** What each kind of user may do (R6). */
export function powerTable(): string {
  const kinds = Object.entries<ReadonlySet<Power>>(USER_KINDS);
  const rows = Object.entries(POWERS).map(([power, meaning]) => [
    `may ${meaning}`,
    ...kinds.map(([, powers]) => (powers.has(power as Power) ? 'yes' : '')),
  ]);
  const head = ['a token of kind', ...kinds.map(([kind]) => `\`${kind}\``)];
  return [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
}

/** The tables of frames, and an example of each. */
export function frameTables(): string {
  return [...clientTable(), '', ...serverTable(), '', ...examples()].join('\n');
}
