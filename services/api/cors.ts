import cors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import type { OriginPolicy } from '#libs/auth/origin-policy.ts';

const SHARED: FastifyCorsOptions = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type', 'idempotency-key'],
  exposedHeaders: ['x-request-id', 'retry-after'],
  maxAge: 600,
  strictPreflight: false,
};

/**
 * Lets pages of `ALLOWED_ORIGINS` and `PUBLIC_URL` read the answers (Fetch standard). An origin that is named may use the login's cookie, too; `*` lets every
 * page ask, but never with a cookie.
 */
export function allowOrigins(app: FastifyInstance, { named, any }: Pick<OriginPolicy, 'named' | 'any'>): void {
  app.register(cors, {
    delegator: (request, done) => {
      const { origin } = request.headers;
      if (origin !== undefined && named.includes(origin)) done(null, { ...SHARED, origin, credentials: true });
      else done(null, { ...SHARED, origin: any ? '*' : false });
    },
  });
}
