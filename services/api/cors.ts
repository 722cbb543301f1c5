import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

const SHARED: FastifyCorsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type'],
  exposedHeaders: ['x-request-id', 'retry-after'],
  maxAge: 600,
  strictPreflight: false,
};

/**
 * Lets pages of `ALLOWED_ORIGINS` read the answers (Fetch standard). An origin that is named may use the login's cookie, too; `*` lets every page ask, but
 * never with a cookie.
 */
export function allowOrigins(app: FastifyInstance, allowedOrigins: readonly string[]): void {
  const any = allowedOrigins.includes('*');
  app.register(cors, {
    delegator: (request, done) => {
      const { origin } = request.headers;
      if (origin !== undefined && allowedOrigins.includes(origin)) done(null, { ...SHARED, origin, credentials: true });
      else done(null, { ...SHARED, origin: any ? '*' : false });
    },
  });
}
