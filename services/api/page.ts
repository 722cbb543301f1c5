/** Serves the built pages from memory, with their security policies. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, sep } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { basePath, cookieSuffix, transportSecurity } from '#libs/config/public-url.ts';
import type { ApiParts } from './api-parts.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The compressed files that the build puts beside a file, best coding first. */
const PACKED = [
  { encoding: 'br', suffix: '.br' },
  { encoding: 'gzip', suffix: '.gz' },
] as const;

/**
 * What pages of other origins load: the script that inserts the widget, and the client. The client is
 * a module, so only origins that may read answers can load it (CORS protocol of the Fetch standard).
 */
const SHARED: ReadonlySet<string> = new Set(['widget.js', 'client.js']);

/** A compressed form of a file. */
interface PackedFile {
  readonly encoding: string;
  readonly etag: string;
  readonly content: Buffer;
}

/** One file of the built pages. */
export interface PageFile {
  /** The media type. */
  readonly type: string;
  /**
   * The strong entity tag (RFC 9110 section 8.8.3): a hash of the content. A compressed form is
   * another representation and has a tag of its own.
   */
  readonly etag: string;
  /** True if pages of other origins may load it. The answer then depends on their origin. */
  readonly shared: boolean;
  /** True if the name contains a hash of the content, so the file never changes. */
  readonly immutable: boolean;
  readonly content: Buffer;
  /** The compressed forms by content coding, the best one first. */
  readonly packed: readonly PackedFile[];
}

/**
 * Reads a folder once. Returns its files by path (`assets/a.js`); empty if there is no such folder.
 *
 * A later build of the folder cannot mix pages and scripts of two versions, and a path of a request
 * never reaches the file system.
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
    shared: SHARED.has(basename(path)),
    immutable,
    content,
    packed: PACKED.filter(({ suffix }) => existsSync(path + suffix)).map(({ encoding, suffix }) => {
      const packed = readFileSync(path + suffix);
      return { encoding, etag: etagOf(packed), content: packed };
    }),
  };
}

/**
 * Returns a page with an attribute on its root element. Its scripts read a setting of this hub from
 * it. `value` must need no escape. The page is served without compression, because it is small.
 */
function markPage(page: PageFile, attribute: string, value: string): PageFile {
  const content = Buffer.from(page.content.toString().replace('<html ', `<html ${attribute}="${value}" `));
  return { ...page, content, etag: etagOf(content), packed: [] };
}

/**
 * Answers with a file, compressed if the browser accepts that; 304 if the browser has it already.
 */
export function sendPage(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const { immutable, type, packed } = file;
  const taken = names(request.headers['accept-encoding']);
  const best = packed.find(({ encoding }) => taken.includes(encoding));
  const { etag, content } = best ?? file;
  const vary = file.shared ? 'accept-encoding, origin' : 'accept-encoding';
  reply.headers({ etag, vary, 'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache' });
  if (names(request.headers['if-none-match']).includes(etag)) return reply.status(304).send();
  reply.type(type);
  if (best !== undefined) reply.header('content-encoding', best.encoding);
  return reply.send(content);
}

/**
 * Returns the members of a list header without parameters and weak marks. Leaves out codings with
 * `q=0`.
 */
function names(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .filter((member) => !/;\s*q=0(\.0*)?\s*$/.test(member))
    .map((member) => (member.split(';')[0] ?? '').trim().replace(/^W\//, ''));
}

/**
 * Returns the content security policy of a page (CSP 3). The page runs its own files and talks to
 * its own origin; `'self'` includes ws and wss of the same host. Inline code, forms and HTML from
 * strings are blocked.
 *
 * @param frames The origins that may show the page in a frame.
 */
function policy(frames: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${frames}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

const HEADERS = {
  'content-security-policy': policy("'none'"),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
} as const;

/** Files with a path of their own; undefined if the file is not served here. */
const ADDRESSES: Readonly<Record<string, string | undefined>> = {
  'index.html': '/',
  'agent.html': '/agent',
  'admin.html': undefined,
};

/** The page that other sites show in a frame. */
const WIDGET_PAGE = 'widget.html';

/** Returns the security headers of every answer, errors included. */
export function securityHeaders(publicUrl: string | undefined): Readonly<Record<string, string>> {
  const security = transportSecurity(publicUrl);
  return security === undefined ? HEADERS : { ...HEADERS, 'strict-transport-security': security };
}

/**
 * Redirects the address of a page with a slash at its end to the page, whose files it loads by
 * relative URLs. `base`: the path of `PUBLIC_URL`.
 */
export function serveWithoutSlash(app: FastifyInstance, address: string, base: string): void {
  app.get(`${address}/`, { schema: { hide: true } }, (request, reply) =>
    reply.redirect(`${base}${address}${request.url.slice(address.length + 1)}`, 308),
  );
}

/**
 * Serves the built pages of a folder, each file by a route of its own: the chat at `/`, the
 * workbench of agents at `/agent`, the widget for the sites of `ALLOWED_ORIGINS` at `/widget.html`,
 * the client for their pages at `/client.js`.
 *
 * The pages load their files by relative URLs, so they also work under a path of `PUBLIC_URL`. That
 * path without its slash redirects to the chat.
 */
export function servePage(app: FastifyInstance, folder: string, { origins, publicUrl }: Pick<ApiParts, 'origins' | 'publicUrl'>): void {
  const base = basePath(publicUrl);
  const embedders = origins.any ? ['*'] : origins.named;
  const taken = new Set<string>();
  const suffix = cookieSuffix(publicUrl);
  for (const [path, built] of readPages(folder)) {
    const file = suffix !== '' && path.endsWith('.html') ? markPage(built, 'data-cookies', suffix) : built;
    const address = path in ADDRESSES ? ADDRESSES[path] : `/${path}`;
    if (address === undefined) continue;
    taken.add(address);
    if (path in ADDRESSES && address !== '/') serveWithoutSlash(app, address, base);
    app.get(address, { schema: { hide: true } }, (request, reply) => {
      if (path === WIDGET_PAGE) {
        reply.removeHeader('x-frame-options').header('content-security-policy', policy(["'self'", ...embedders].join(' ')));
      } else if (file.shared) {
        reply.header('cross-origin-resource-policy', 'cross-origin');
      }
      return sendPage(request, reply, file);
    });
  }
  if (base === '' || taken.has(base)) return;
  app.get(base, { schema: { hide: true } }, (_request, reply) => reply.redirect(`${base}/`, 308));
}
