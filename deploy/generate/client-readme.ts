/**
 * The tables of the client's README: its calls and its events, from their doc comments and types.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const LIBS = join(import.meta.dirname, '..', '..', 'libs');

type Declaration = ts.InterfaceDeclaration | ts.ClassDeclaration;

/** Interfaces and classes of a text, by name. */
function declarations(text: string): Map<string, Declaration> {
  const { statements } = ts.createSourceFile('text.ts', text, ts.ScriptTarget.Latest, true);
  return new Map(
    statements
      .filter((one): one is Declaration => ts.isInterfaceDeclaration(one) || ts.isClassDeclaration(one))
      .map((one) => [one.name?.text ?? '', one]),
  );
}

/** The first sentence of a doc comment, for a cell. */
function summary(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = ts.getTextOfJSDocComment(comment?.comment) ?? '';
  return text
    .replaceAll(/\s+/g, ' ')
    .replace(/(?<=\.) [A-Z`].*$/, '')
    .replaceAll('|', '\\|');
}

/** Names of the members of an interface, those that it extends first. */
function members(name: string, known: ReadonlyMap<string, Declaration>): string[] {
  const found = known.get(name);
  if (found === undefined) return [];
  const bases = found.heritageClauses?.flatMap(({ types }) => types.map(({ expression }) => expression.getText())) ?? [];
  const own = [...found.members].map(
    (member) => `${member.name?.getText()}${ts.isPropertySignature(member) && member.questionToken ? '?' : ''}`,
  );
  return [...bases.flatMap((base) => members(base, known)), ...own];
}

/** `| event | when | with |`. Frames are listed without their `type` and `id`. */
function eventTable(known: ReadonlyMap<string, Declaration>): string[] {
  const events = [...(known.get('ClientEvents')?.members ?? [])].filter(ts.isPropertySignature);
  return events.map((event) => {
    const type = event.type?.getText() ?? '';
    const names = members(type, known);
    const told = names.includes('type') ? names.filter((name) => name !== 'type' && name !== 'id?') : names;
    return `| \`${event.name.getText()}\` | ${summary(event)} | \`${told.length === 0 ? type : told.join(', ')}\` |`;
  });
}

function callTable(known: ReadonlyMap<string, Declaration>): string[] {
  const methods = [...(known.get('ParleyClient')?.members ?? [])].filter(ts.isMethodDeclaration);
  return methods.filter(({ name }) => ts.isIdentifier(name)).map((method) => `| \`${method.name.getText()}\` | ${summary(method)} |`);
}

/** @param frames The text of `frame-types.ts`. */
export function clientTables(frames: string): { readonly calls: string; readonly events: string } {
  const read = (name: string): string => readFileSync(join(LIBS, 'client', `${name}.ts`), 'utf8');
  const known = new Map(
    [frames, ...['client-events', 'client-status', 'parley-client'].map(read)].flatMap((text) => [...declarations(text)]),
  );
  return {
    calls: ['| call | |', '|---|---|', ...callTable(known)].join('\n'),
    events: ['| event | when | with |', '|---|---|---|', ...eventTable(known)].join('\n'),
  };
}
