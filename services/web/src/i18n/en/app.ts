import { kinds } from './kinds.ts';

/** The frame of every page. */
export const app = {
  name: 'Parley',
  kinds,
  loading: 'Looking for the hub…',
  /** Says what is; a press goes on. */
  colorScheme: { auto: 'Colours follow the system', light: 'Light colours', dark: 'Dark colours' },
  broken: 'Something went wrong on this page.',
  reload: 'Reload the page',
  you: (name: string) => `You are ${name}`,
  youGuest: (name: string) => `You are ${name}, a guest`,
  logOut: 'Log out',
  notifications: {
    default: 'Notify me of new messages',
    granted: 'Notifications are on',
    denied: 'Notifications are blocked in this browser',
  },
  connection: {
    connecting: 'Connecting…',
    connected: 'Connected.',
    reconnecting: 'Connecting again…',
    lost: 'Connection lost.',
    restarting: 'The hub is restarting.',
    tooFast: 'Slow down a little.',
    unavailable: 'The hub cannot be reached.',
    offline: 'You are offline. What you write is sent as soon as you are back.',
    again: (seconds: number) => (seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again…'),
    retry: 'Try now',
    startOver: 'Start over',
    replaced: 'You came in somewhere else.',
    loggedOut: 'You were logged out.',
    banned: 'This account is banned.',
    sentOut: 'You were sent out.',
    sentOutFor: (reason: string) => `You were sent out: ${reason}`,
    forbidden: 'You may not enter here.',
    loginOver: 'Your login is over.',
    ended: 'The hub closed this connection.',
  },
};
