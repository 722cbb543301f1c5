/** The version of this client: that of the hub it was built with. */
export const VERSION = '0.2.0';
