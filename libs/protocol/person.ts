/** How the hub names somebody, in every frame and every list. */
export interface Person {
  readonly id: string;
  readonly name: string;
  /** Who they are (R6): the `kind` of their token. Absent where it is not known. */
  readonly kind?: string;
}

/** The JSON of a person. The id comes first: `own-message.ts` and the store read it there. */
export function personJson({ id, name, kind }: Person): string {
  return JSON.stringify({ id, name, kind });
}
