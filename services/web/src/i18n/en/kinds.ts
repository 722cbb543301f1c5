/** The tags beside names, by the kind that the hub tells of somebody. A `user`, and whom this list does not have, has none. */
export const kinds = {
  guest: 'guest',
  customer: 'customer',
  agent: 'agent',
  service: 'service',
  moderator: 'moderator',
};
