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

/** `GET /.well-known/jwks.json` at the root (A12): what other programs verify our tokens by. Not there where tokens are signed with a secret. */
export function jwksRoutes(app: FastifyInstance, { jwks }: Pick<ApiParts, 'jwks'>): void {
  if (jwks === undefined) return;
  app.get(
    '/.well-known/jwks.json',
    { schema: { tags: ['Description'], summary: 'The public keys of tokens (A12)', response: { 200: KeySet } } },
    async (_request, reply) => reply.header('cache-control', 'public, max-age=300').send(jwks),
  );
}
