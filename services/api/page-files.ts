/** The built pages, kept in memory. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** What the build puts beside a file that it could make smaller. */
const PACKED = [
  { encoding: 'br', suffix: '.br' },
  { encoding: 'gzip', suffix: '.gz' },
] as const;

/** One file of the pages. */
export interface PageFile {
  readonly type: string;
  readonly etag: string;
  /** Its name tells its content: it never changes. */
  readonly immutable: boolean;
  readonly content: Buffer;
  /** The same, packed: by content coding, the best one first. */
  readonly packed: readonly { readonly encoding: string; readonly content: Buffer }[];
}

/**
 * Reads a folder once: paths (`assets/a.js`) and their files; empty where there is no such folder. Page and scripts of two versions never mix while the
 * folder is built anew, and no path of a request ever reaches the file system.
 */
export function readPages(folder: string): ReadonlyMap<string, PageFile> {
  if (!existsSync(folder)) return new Map();
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && TYPES[extname(entry.name)] !== undefined)
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return new Map(paths.map((path) => [path.replaceAll(sep, '/'), readPage(join(folder, path), path.startsWith(`assets${sep}`))]));
}

function etagOf(content: Buffer): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}

function readPage(path: string, immutable: boolean): PageFile {
  const content = readFileSync(path);
  return {
    type: TYPES[extname(path)] ?? '',
    etag: etagOf(content),
    immutable,
    content,
    packed: PACKED.filter(({ suffix }) => existsSync(path + suffix)).map(({ encoding, suffix }) => ({
      encoding,
      content: readFileSync(path + suffix),
    })),
  };
}

/**
 * A page with something that its scripts have to know of this hub, as an attribute of its root element. `value`: of characters that need no escape. It is served
 * as it is, for it is small.
 */
export function markPage(page: PageFile, attribute: string, value: string): PageFile {
  const content = Buffer.from(page.content.toString().replace('<html ', `<html ${attribute}="${value}" `));
  return { ...page, content, etag: etagOf(content), packed: [] };
}

/** Answers with a file, packed as the browser takes it; 304 where it has it already. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const { etag, immutable, type, packed } = file;
  reply.headers({ etag, vary: 'accept-encoding', 'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache' });
  if (names(request.headers['if-none-match']).includes(etag)) return reply.status(304).send();
  reply.type(type);
  const taken = names(request.headers['accept-encoding']);
  const best = packed.find(({ encoding }) => taken.includes(encoding));
  return best === undefined ? reply.send(file.content) : reply.header('content-encoding', best.encoding).send(best.content);
}

/** The members of a list header, without their parameters and weak marks; a coding with `q=0` is none. */
function names(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .filter((member) => !/;\s*q=0(\.0*)?\s*$/.test(member))
    .map((member) => (member.split(';')[0] ?? '').trim().replace(/^W\//, ''));
}
