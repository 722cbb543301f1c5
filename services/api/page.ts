import type { FastifyInstance } from 'fastify';

import { basePath, cookieSuffix, transportSecurity } from '#libs/config/public-url.ts';
import type { ApiParts } from './api-parts.ts';
import { markPage, readPages, sendPage } from './page-files.ts';

/**
 * What a page of ours may do: run its own files and talk to its own origin (`'self'` covers ws and wss of the same host, CSP 3).
 * Nothing inline, no forms that leave, no HTML from strings. `frames`: who may show it in a frame.
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

/** Files of the build at addresses of their own; undefined: at none here. */
const ADDRESSES: Readonly<Record<string, string | undefined>> = {
  'index.html': '/',
  'agent.html': '/agent',
  'admin.html': undefined,
};

/** The page that other sites show in a frame, and the script that puts it there. */
const WIDGET_PAGE = 'widget.html';
const WIDGET_SCRIPT = 'widget.js';

/** The security headers, which are on every answer, errors included. */
export function securityHeaders(publicUrl: string | undefined): Readonly<Record<string, string>> {
  const security = transportSecurity(publicUrl);
  return security === undefined ? HEADERS : { ...HEADERS, 'strict-transport-security': security };
}

/**
 * Serves the built pages of a folder: the chat at `/`, the agents' at `/agent`, what the sites of `ALLOWED_ORIGINS` embed at `/widget.html`. Each file is a
 * route of its own. The pages name what they need relative to themselves: under a path of `PUBLIC_URL`, which leads to the chat without its slash, too.
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
    app.get(address, { schema: { hide: true } }, (request, reply) => {
      if (path === WIDGET_PAGE) {
        reply.removeHeader('x-frame-options').header('content-security-policy', policy(["'self'", ...embedders].join(' ')));
      } else if (path === WIDGET_SCRIPT) {
        reply.header('cross-origin-resource-policy', 'cross-origin');
      }
      return sendPage(request, reply, file);
    });
  }
  if (base === '' || taken.has(base)) return;
  app.get(base, { schema: { hide: true } }, (_request, reply) => reply.redirect(`${base}/`, 308));
}
