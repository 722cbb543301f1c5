import type { Presence } from '#libs/presence/presence.ts';

/** Those of the people who are online now, in the order given. Rejects with `HubError` `UNAVAILABLE`. */
export async function whoIsOnline<P extends { readonly id: string }>(
  presence: Pick<Presence, 'sessions'>,
  people: readonly P[],
): Promise<P[]> {
  if (people.length === 0) return [];
  const sessions = await presence.sessions(people.map(({ id }) => id));
  return people.filter((_, index) => (sessions[index] ?? 0) > 0);
}
