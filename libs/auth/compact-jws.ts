/** The parts of a compact JWS (RFC 7515 section 7.1). */
import { TOKEN_MAX_BYTES } from '#libs/protocol/limits.ts';

/** Claims or header parameters as they stand in a token. */
export type Claims = Readonly<Record<string, unknown>>;

const COMPACT = /^[\w-]+\.[\w-]+\.([\w-]+)$/;

/**
 * The form to the letter: decoders tolerate blanks, padding and stray bits, which would give one token many spellings.
 * Throws TypeError, RangeError where it is longer than 8 KB.
 */
export function requireForm(token: string): void {
  // A token is ASCII, else it fails below: characters are bytes.
  if (token.length > TOKEN_MAX_BYTES) throw new RangeError('the token is too long');
  const signature = COMPACT.exec(token)?.[1];
  if (signature === undefined) throw new TypeError('the token is not a compact JWS');
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature)
    throw new TypeError('the signature is not spelled canonically');
}

/** The protected header, not verified. Throws TypeError or SyntaxError where it is not a JSON object. */
export function headerOf(token: string): Claims {
  return jsonObject(token.slice(0, token.indexOf('.')));
}

/** The payload, not verified. Throws TypeError or SyntaxError where it is not a JSON object. */
export function payloadOf(token: string): Claims {
  return jsonObject(token.slice(token.indexOf('.') + 1, token.lastIndexOf('.')));
}

/** What the signature is over, and the signature. */
export function signedParts(token: string): { readonly input: string; readonly signature: Buffer } {
  const dot = token.lastIndexOf('.');
  return { input: token.slice(0, dot), signature: Buffer.from(token.slice(dot + 1), 'base64url') };
}

/** A token whose signature `sign` makes over header and claims. */
export function compactJws(header: Claims, claims: Claims, sign: (input: string) => Buffer): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${sign(input).toString('base64url')}`;
}

function jsonObject(part: string): Claims {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('a part of the token is not a JSON object');
  return value as Claims;
}
