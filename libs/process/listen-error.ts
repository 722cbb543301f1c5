/** A port is taken, or not ours to take. The message says which setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}
