/** Secrets from examples, tutorials and other projects' defaults that are long enough to pass for one. */
const EXAMPLES = new Set([
  'your-256-bit-secret-your-256-bit-secret',
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
  'super-secret-jwt-token-with-at-least-32-characters-long',
]);

/** What stands where an example wants to be filled in. */
const PLACEHOLDER = /change[-_ ]?(me|this|it)\b|your[-_ ].*secret|placeholder|insert[-_ ]/i;

/** Whether a secret is one that others know or will try first, whatever its length. */
export function isWellKnownSecret(secret: string): boolean {
  return EXAMPLES.has(secret) || PLACEHOLDER.test(secret);
}
