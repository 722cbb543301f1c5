/** The tags beside names, by kind. A kind without an entry, such as `user`, has no tag. */
// biome-ignore format: related words share a line
export const kinds = { guest: 'guest', customer: 'customer', agent: 'agent', service: 'service', moderator: 'moderator' };

/** The admin page. Its reader is on call and in a hurry: short texts, the state first. */
// biome-ignore format: related words share a line
export const adminEn = {
  title: 'Hub at a glance', brand: 'Parley', badge: 'Admin',
  version: (version: string) => `Version ${version}`,
  board: 'Queue board', dashboards: 'Dashboards', elsewhere: 'opens in a new tab',

  verdict: { unknown: 'Looking…', well: 'All is well', warn: 'Keep an eye on this', bad: 'Something is wrong' },
  /** In the title of the tab. */
  tab: { unknown: '…', well: '✓', warn: '!', bad: '✗' },
  nothingElse: 'Every gateway serves, queues move, Redis and PostgreSQL answer.',
  nothingElseAlone: 'The gateway serves, queues move, PostgreSQL answers.',
  asOf: (time: string) => `As of ${time}`,
  every: 'looks again every 2 seconds',
  findings: {
    noAnswer: 'The hub does not answer. The numbers below are old.',
    slow: 'The hub takes long to answer.',
    refused: (why: string) => `The hub refuses to answer: ${why}`,
    redisDown: 'Redis does not answer: messages do not cross between gateways, and people may lose their connection.',
    databaseDown: 'PostgreSQL does not answer: rooms that keep history accept no messages, and nobody can log in.',
    noGateway: 'No gateway is serving: nobody can connect.',
    lost: (nodes: string) => `Lost without notice: ${nodes}`,
    gone: (nodes: string) => `Lost over a minute ago, the others have taken over: ${nodes}`,
    draining: (nodes: string) => `Draining: ${nodes}. People are being sent to other gateways.`,
    lag: (node: string, lag: string) => `Redis is slow for ${node}: ${lag}`,
    queue: (queue: string, age: string) => `Queue ${queue} does not move: the oldest job has waited ${age}`,
    failed: (queue: string, count: string) => `Queue ${queue}: ${count} failed jobs, kept for inspection`,
    versions: (versions: string) => `Gateways of different versions: ${versions}`,
    setting: (warning: string) => `Setting to change: ${warning}`,
    keySet: (host: string, problem: string, last: string | undefined) =>
      `The login keys of ${host} cannot be fetched: ${problem}. ${last === undefined ? 'There are none yet: its tokens are refused.' : `They were last fetched ${last}: tokens signed with newer ones are refused.`}`,
  },

  tiles: {
    label: 'Numbers', online: 'People online', connections: 'Connections',
    messages: 'Messages per second', gateways: 'Gateways serving', redis: 'Redis',
    database: 'PostgreSQL',
  },
  up: 'answers', down: 'does not answer', none: 'not used', unknown: '–',

  nodes: {
    title: 'Gateways', node: 'Gateway', state: 'State',
    states: { serving: 'Serving', draining: 'Draining', lost: 'Lost' },
    version: 'Version', uptime: 'Up for', connections: 'Connections', messages: 'Messages/s',
    lag: 'Redis lag', empty: 'No gateway reports its state.',
    silent: (length: string) => `silent for ${length}`,
    started: 'Started', heard: 'Last heard', users: 'People', rooms: 'Rooms',
    ago: (length: string) => `${length} ago`,
    of: (count: string, limit: string | undefined) => (limit === undefined ? count : `${count} of ${limit}`),
    ack: 'Time to ack (p99)', delivery: 'Time to delivery (p99)', loop: 'Event-loop lag (p99)',
    drains: 'It accepts nobody new and sends its people to other gateways.',
    lostHint: 'These are its last numbers. Its people connect to other gateways.',
    absent: 'No such gateway reports its state: it stopped in order, or fell silent over ten minutes ago.',
    limits: 'Limits', noLimit: 'none',
    limitNames: {
      connections: 'Connections', connectionsPerUser: 'Connections of a person',
      connectionsPerAddress: 'Connections of an address', roomsPerConnection: 'Rooms of a connection',
      framesPerSecond: 'Frames per second of a connection', messageChars: 'Characters of a message',
      drainSeconds: 'Longest drain',
    },
  },
  charts: {
    title: 'The last hours', span: 'Time shown', legend: 'Gateways',
    hours: (count: number) => (count === 1 ? 'Last hour' : `Last ${count} hours`),
    sources: {
      prometheus: 'From Prometheus.',
      own: 'From samples of this program, which reach back two hours at most.',
    },
    problem: (why: string) => `They stand in: ${why}`,
    names: {
      connections: 'Connections', messages: 'Messages per second', ack: 'Time to ack (p99)',
      delivery: 'Time to delivery (p99)', redisLag: 'Redis lag',
    },
    nothing: '–', soon: 'The first lines are drawn in half a minute.',
  },
  rooms: {
    title: 'Largest rooms', room: 'Room', people: 'People', empty: 'Nobody is in a room.',
    name: 'Name', keeps: 'Keeps', inside: 'People now', members: 'Members', created: 'Made',
    expires: 'Ends', closed: 'Ended', last: 'Last message', noMessage: 'none kept',
    lastAt: (when: string, offset: string) => `${when}, offset ${offset}`,
    retentions: { none: 'nothing', stream: 'the latest messages', history: 'its history' },
    kinds: { open: 'open room', live: 'live room' },
    there: 'People there', nobody: 'Nobody is there.',
    shown: (shown: string, all: string) => `${shown} of ${all}`,
  },
  desk: {
    waiting: 'Customers waiting', customer: 'Customer', channel: 'Channel', since: 'Waits for',
    nobody: 'No customer waits for an agent.', moreCustomers: 'More customers',
    agents: 'Agents', agent: 'Agent', state: 'State', conversations: 'Conversations',
    noAgent: 'There are no agents. npm run agent adds one.', moreAgents: 'More agents',
    online: 'Online', away: 'Away',
    share: (own: string, all: string) => `${own} of ${all}`,
    counts: {
      waiting: (count: string) => (count === '0' ? '' : `${count} in all`),
      conversations: (count: string) => (count === '1' ? '1 open conversation' : `${count} open conversations`),
    },
  },
  queues: {
    title: 'Queues', queue: 'Queue', waiting: 'Waiting', active: 'Running', delayed: 'Delayed',
    failed: 'Failed',
    oldest: (age: string) => `oldest waits ${age}`,
    jobsOf: (queue: string) => `Jobs: ${queue}`,
    state: 'State', job: 'Job', attempts: 'Attempts', made: 'Queued', due: 'Next try', error: 'Last error',
    attemptsOf: (count: string, max: string) => `${count} of ${max}`,
    noJobs: 'No job is in this state.',
    order: { next: 'Those that run next come first.', failed: 'The newest come first.' },
    first: (count: string) => `The first ${count} are shown.`,
    names: { mail: 'Mail', 'room-expiry': 'Rooms that end', 'clean-up': 'Clean-up' },
  },
  keySet: {
    title: 'Keys of the external login', host: 'Host', last: 'Last fetched', never: 'never',
    problem: 'Reason', fetched: 'Fetched', failed: 'Cannot be fetched',
    notAsked: 'Not needed yet',
  },
  stale: (why: string) => `No newer numbers: ${why}`,

  people: {
    title: 'People', find: 'Find a person', findHint: 'Their id, or how their name begins',
    search: 'Find',
    found: (count: number, more: boolean) =>
      more ? `The first ${count} people found` : count === 1 ? '1 person found' : `${count} people found`,
    nobody: 'Nobody has this id, and no name begins like this.', results: 'People found',
    clear: 'Back to who is online', online: 'Online now', onlineAll: (count: string) => `Online now: ${count}`,
    some: (shown: string, all: string) => `${shown} of ${all}, picked at random`,
    others: 'Pick others', everybody: 'Show everybody',
    all: (shown: string, all: string) => `${shown} of ${all}, by their ids`,
    back: 'Back to some at random', more: 'More people', empty: 'Nobody is online.',
    sessions: (count: number) => (count === 1 ? '1 connection' : `${count} connections`),
    offline: 'offline',
    kinds: { user: 'account', ...kinds },
  },

  person: {
    close: 'Close', id: 'Id', kind: 'Kind', presence: 'Presence',
    isOnline: (count: number) => (count === 1 ? 'online, 1 connection' : `online, ${count} connections`),
    lastSeen: 'Last came or left', never: 'never', ban: 'Ban', notBanned: 'not banned',
    bannedUntil: (time: string) => `banned until ${time}`, banReason: 'Reason of the ban', noReason: 'none given',
    rooms: 'Their rooms', noRooms: 'none', moreRooms: 'More rooms',
    roomKinds: { group: 'group', pair: 'pair', conv: 'conversation', dm: 'direct messages', park: 'park' },
    actions: 'What you can do', inform: 'Send a notice…', disconnect: 'Disconnect…',
    revoke: 'Log out…', banAction: 'Ban…', unban: 'Lift the ban…',
  },
  confirm: {
    cancel: 'Cancel',
    disconnect: {
      title: (name: string) => `Disconnect ${name}?`,
      body: 'All their connections are closed now. They may come back at once.',
      reason: 'Reason (they see it)', yes: 'Disconnect',
      done: 'Disconnected: every gateway follows within 2 seconds.',
    },
    revoke: {
      title: (name: string) => `Log ${name} out everywhere?`,
      body: 'All their logins and tokens end now. To come back they have to log in again.',
      yes: 'Log out', done: 'Logged out: every gateway follows within 2 seconds.',
    },
    ban: {
      title: (name: string) => `Ban ${name}?`,
      body: 'Their connections are closed, and they cannot come back until the ban ends. The ban of a guest or customer holds for their browser, too, and for an hour for their address.',
      seconds: 'For how long', reason: 'Reason (they see it)', yes: 'Ban',
      done: 'Banned: every gateway follows within 2 seconds.',
    },
    unban: {
      title: (name: string) => `Lift the ban of ${name}?`,
      body: 'They may come back at once.', yes: 'Lift the ban', done: 'The ban is lifted.',
    },
  },

  notice: {
    title: 'Send a notice', hint: 'People who are connected now see it. It is not stored.',
    to: 'To', all: 'Everybody', room: 'A room', user: 'A person', roomName: 'Name of the room',
    userId: 'Id of the person', text: 'Text', send: 'Send…',
    toAll: (count: string) => `everybody (${count} online)`,
    toRoom: (room: string) => `room ${room}`,
    toUser: (user: string) => `person ${user}`,
    confirmTitle: 'Send this notice?',
    confirmTo: (target: string) => `To ${target}:`,
    yes: 'Send', done: 'Sent.', missing: 'Enter a recipient and a text.',
  },

  errors: {
    NO_ANSWER: 'the hub does not answer', UNAVAILABLE: 'Redis or PostgreSQL does not answer',
    MISSING_TOKEN: 'the password is wrong: load the page again',
    RATE_LIMITED: 'too many wrong passwords: wait a minute', FORBIDDEN: 'this is not open to you',
    ORIGIN_DENIED: 'asked from another site', USER_NOT_FOUND: 'there is no such person',
    ROOM_NOT_FOUND: 'there is no such room', ROOM_CLOSED: 'the room is closed',
    REASON_MISSING: 'enter a reason: the banned person sees it',
    TOO_LARGE: 'the text is too long: shorten it', INVALID_REQUEST: 'the input is not valid: check it',
  },
};
