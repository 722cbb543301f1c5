/** The public keys of tokens that the hub signs. */
import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { ApiParts } from './api-parts.ts';

const KeySet = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kty: Type.String(),
        crv: Type.String(),
        x: Type.String(),
        y: Type.Optional(Type.String()),
        kid: Type.String(),
        alg: Type.String(),
        use: Type.Literal('sig'),
      }),
    ),
  },
  { description: 'A JWK Set (RFC 7517).' },
);

/**
 * Adds `GET /.well-known/jwks.json` at the root (A12): other programs verify tokens of the hub with
 * these keys. If a secret signs the tokens, the route does not exist.
 */
export function jwksRoutes(app: FastifyInstance, { jwks }: Pick<ApiParts, 'jwks'>): void {
  if (jwks === undefined) return;
  app.get(
    '/.well-known/jwks.json',
    { schema: { tags: ['Description'], summary: 'The public keys of tokens (A12)', response: { 200: KeySet } } },
    async (_request, reply) => reply.header('cache-control', 'public, max-age=300').send(jwks),
  );
}
