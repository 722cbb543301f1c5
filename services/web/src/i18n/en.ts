/** The tags beside names, by the kind that the hub tells of somebody. A `user`, and whom this list does not have, has none. */
// biome-ignore format: related words share a line
const kinds = { guest: 'guest', customer: 'customer', agent: 'agent', service: 'service', moderator: 'moderator' };

/** One conversation, in every page. */
// biome-ignore format: related words share a line
const conversation = {
  messages: 'Messages', message: 'Message', placeholder: 'Write a message…', send: 'Send', you: 'You',
  messagesIn: (room: string) => `Messages in ${room}`,
  characters: (count: number, max: number) => `${count} of ${max} characters`,
  tooLong: (count: number) => (count === 1 ? '1 character too many' : `${count} characters too many`),
  sending: 'Sending', waits: 'Sent once you are connected.', sent: 'Sent', notSent: 'Not sent.',
  retry: 'Try again', discard: 'Discard', today: 'Today', yesterday: 'Yesterday',
  newMessages: 'New messages', toLatest: 'To the latest messages', earlier: 'Earlier messages',
  gap: 'The hub was restarted: some messages may be missing here.', loading: 'Loading…',
  beginning: 'This is where it begins.', olderFailed: 'Older messages could not be loaded.',
  announced: (name: string, text: string) => `${name}: ${text}`,
  isTyping: (names: readonly string[]) =>
    names.length > 2 ? 'Several people are typing…' : `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing…`,
};

/** English: the shape that every other language fills. */
// biome-ignore format: related words share a line
export const en = {
  kinds,
  conversation,
  /** What went wrong, by its code; `other` for all the rest. */
  problems: {
    RATE_LIMITED: 'Too many tries. Wait a moment, then try again.',
    UNREACHABLE: 'The hub cannot be reached. Try again in a moment.',
    UNAVAILABLE: 'The hub cannot do this right now. Try again in a moment.',
    NOT_STORED: 'The hub could not store it.', EXPIRED: 'There was no answer.',
    QUEUE_FULL: 'Too much is waiting to be sent.', ROOM_CLOSED: 'The room is closed.',
    ROOM_LIMIT: 'You have too many groups: delete one first.',
    FORBIDDEN: 'This is not open to you.', MESSAGE_TOO_LONG: 'It is too long.',
    USER_NOT_FOUND: 'Nobody is known by this name any more.',
    other: 'It did not work. Try again.',
  },

  /** The frame of every page. */
  app: {
    name: 'Parley',
    loading: 'Looking for the hub…',
    /** Says what is; a press goes on. */
    colorScheme: { auto: 'Colours follow the system', light: 'Light colours', dark: 'Dark colours' },
    broken: 'Something went wrong on this page.', reload: 'Reload the page',
    you: (name: string) => `You are ${name}`,
    youGuest: (name: string) => `You are ${name}, a guest`,
    logOut: 'Log out',
    notifications: {
      default: 'Notify me of new messages', granted: 'Notifications are on',
      denied: 'Notifications are blocked in this browser',
    },
    connection: {
      connecting: 'Connecting…', connected: 'Connected.', reconnecting: 'Connecting again…',
      lost: 'Connection lost.', restarting: 'The hub is restarting.',
      tooFast: 'Slow down a little.', unavailable: 'The hub cannot be reached.',
      offline: 'You are offline. What you write is sent as soon as you are back.',
      again: (seconds: number) => (seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again…'),
      retry: 'Try now', startOver: 'Start over', replaced: 'You came in somewhere else.',
      loggedOut: 'You were logged out.', banned: 'This account is banned.',
      sentOut: 'You were sent out.',
      sentOutFor: (reason: string) => `You were sent out: ${reason}`,
      forbidden: 'You cannot come in here.', loginOver: 'Your login is over.',
      ended: 'The hub closed this connection.',
    },
  },

  /** The way in. */
  account: {
    tagline: 'Say hello in the park, or find a partner to chat with.',
    headline: 'Good company, right now.', ways: 'How to come in', asGuest: 'As a guest',
    withMail: 'With my mail', nickname: 'Nickname', nicknameWish: 'Who are you today?',
    nicknameHint: 'Everybody in the park can read what you write.', enter: 'Enter the park',
    address: 'Mail address, or your name', addressWish: 'ann@example.org',
    addressHint: 'No password: you get a code by mail. A new address makes a new account.',
    askCode: 'Mail me a code', code: 'Code',
    codeHint: 'Upper or lower case. There is no 0 or O, and no 1, I or L in it.',
    codeSentTo: (address: string) => `A code is on its way to ${address}. It is good for 10 minutes.`,
    codeSentToName: (name: string) =>
      `If there is an account named ${name}, a code is on its way to its mail address. It is good for 10 minutes.`,
    codeSentAgain: 'A new code is on its way. Take the one from the newest mail.',
    mailboxLead: 'This hub sends no mail:', mailboxLink: 'read it here', logIn: 'Log in',
    codeAgain: 'Send a new code', otherAddress: 'Another address',
    welcome: 'Welcome! Only your name is missing.', yourName: 'Your name',
    nameHint: 'Everybody sees it, and nobody else can take it.', create: 'Create my account',
    online: (count: number) =>
      count === 0 ? 'Nobody is here yet: be the first' : count === 1 ? '1 person online' : `${count} people online`,
    missing: { nickname: 'Please enter a nickname.', address: 'Please enter a mail address or a name.', name: 'Please enter a name.' },
    codeLength: (length: number) => `The code has ${length} letters and digits.`,
    nameTooLong: (most: number) => `At most ${most} characters.`,
    tooLate: 'That took too long. Please ask for a new code.',
    stillLoggedIn: 'The hub cannot be reached: this browser is still logged in. Reload the page and log out again.',
    /** What went wrong, by the hub's code. */
    problems: {
      rateLimited: (seconds: number) => `Too many tries. Wait ${seconds} s, then try again.`,
      CODE_INVALID: 'This code is wrong or over. Take the one from the newest mail, or have a new code sent.',
      NAME_TAKEN: 'Somebody has this name already. Choose another one.',
      NAME_INVALID: 'A name has 1 to 21 characters that can be seen, all of one script, and no @.',
      INVALID_REQUEST: 'This is no mail address and no name. Look at it again.',
      FORBIDDEN: 'Guests are not let in here: come in with your mail.',
      UNREACHABLE: 'The hub cannot be reached. Try again in a moment.',
      other: 'The hub cannot do this right now. Try again in a moment.',
    },
    /** Texts of the picture beside the form. */
    picture: ['Anybody up for a walk?', 'Always! By the pond?', 'See you there'],
  },

  /** The chat: lobby, rooms, the pair. */
  chat: {
    title: 'Chat', rooms: 'Rooms', park: 'Park', parkAbout: 'Everybody who is here',
    groups: 'Groups', noGroups: 'No groups yet.', direct: 'Direct messages',
    moreRooms: 'More rooms and people', noDirect: 'Choose somebody in a room and write to them.',
    partner: 'Partner', partnerAbout: 'Meet somebody by chance',
    partnerWaiting: 'Waiting for somebody…',
    online: (count: number) => (count === 1 ? '1 person online' : `${count} people online`),
    here: (count: number) => (count === 1 ? '1 person here' : `${count} people here`),
    unread: (count: number) => (count === 1 ? '1 new message' : `${count} new messages`),
    isOnline: 'Online', isOffline: 'Offline',
    listFailed: 'The list of rooms could not be loaded. Trying again.',
    back: 'Back to the rooms', loading: 'Loading…',

    newGroup: 'New group', groupName: 'Name of the group',
    groupNameWrong: 'Please enter a name of 1 to 60 characters.', members: 'Members',
    membersAbout: 'People you have met',
    nobodyMet: 'You have met nobody yet. People in your rooms appear here.',
    search: 'Search by name', keepHistory: 'Keep the history',
    keepHistoryAbout: 'Messages are stored, and wait for members who are offline.', create: 'Create',
    cancel: 'Cancel', close: 'Close', addPeople: 'Add people', add: 'Add',
    takeOut: (name: string) => `Take ${name} out`,
    leaveGroup: 'Leave the group', leaveGroupSure: 'You will not get its messages any more.',
    endGroup: 'Delete the group', endGroupSure: 'It ends for everybody in it.', yesLeave: 'Leave',
    yesEnd: 'Delete',

    people: 'People', showPeople: 'Who is here', you: 'you', owner: 'owner',
    writeTo: (name: string) => `Write to ${name}`,
    andMore: (count: number) => `and ${count} more`,

    quiet: 'It is quiet here. Say something!',
    quietDirect: (name: string) => `Nothing said yet. Say hello to ${name}!`,

    pairLead: 'Chat with one other person, chosen by chance. Nobody else can read it.',
    pairFind: 'Find a partner', pairFindAgain: 'Find another partner',
    pairWaiting: 'Waiting for somebody…',
    pairWaitingAbout: 'Stay in the park meanwhile: you are told when somebody is there.',
    pairStop: 'Stop waiting', pairEnd: 'End chat', pairEndSure: 'End it for both?',
    pairEndAbout: 'The chat ends for both of you.', pairKept: 'History is kept',
    pairNotKept: 'History is not kept', pairWished: 'History is kept once both ask for it',
    pairAsked: 'Your partner would like to keep the history',
    pairEnded: { mine: 'You ended this chat.', closed: 'This chat was ended.', expired: 'This chat was over after 24 hours.' },
    timeLeft: (hours: number, minutes: number) => (hours > 0 ? `${hours} h ${minutes} min left` : `${minutes} min left`),

    roomOver: 'This room is closed.', roomRefused: 'This room is not open to you.',
    notices: 'Notices', informed: 'A message from the hub',
    paired: (name: string) => `You were paired with ${name}.`,
    added: (name: string) => `You were added to the group ${name}.`,
    removed: (name: string) => `You are not in the group ${name} any more.`,
    open: 'Open',
  },

  widget: {
    title: 'Chat with us', close: 'Close the chat', loading: 'One moment …',
    hello: 'Hello! Tell us your name, and somebody will be with you.', name: 'Your name',
    begin: 'Start the chat',
    nameInvalid: 'A name has 1 to 21 characters that can be seen, all of one script, and no @.',
    slowDown: 'Too many tries. Please wait a moment, then try again.',
    unreachable: 'The chat cannot be reached now.', again: 'Try again',
    ask: 'What can we do for you?',
    queued: 'Nobody is free right now. You can write already: whoever comes first reads it.',
    assigned: (name: string) => `You are talking to ${name}.`,
    ended: 'This conversation was ended.', writeAgain: 'Write again, and a new one begins.',
    end: 'End', endSure: 'End the conversation?', yes: 'End it', no: 'Go on',
    reconnecting: 'The line is broken: connecting again …',
    offline: 'You are offline. What you write is sent when you are back.',
    refused: 'The chat is closed to this page now.', opening: 'Asking for somebody …',
  },

  agent: {
    title: 'Conversations', login: 'Log in as an agent', username: 'Name', password: 'Password',
    enter: 'Log in', logOut: 'Log out', loading: 'One moment …',
    unreachable: 'The hub cannot be reached now.', again: 'Try again',
    tabs: { mine: 'Mine', waiting: 'Waiting', others: 'Colleagues', ended: 'Ended' },
    none: {
      mine: 'You have no conversations. New ones come by themselves.',
      waiting: 'Nobody is waiting.', others: 'No colleague has a conversation.',
      ended: 'None of your conversations has ended.',
    },
    noSubject: 'No subject', more: 'More conversations',
    unread: (count: number) => `${count} unread`,
    choose: 'Choose a conversation.', back: 'Back to the list', take: 'Take it',
    takeOver: 'Take over', transfer: 'Give to …', nobody: 'No colleague is online', close: 'End',
    closeSure: 'End this conversation for both sides?', yes: 'End it', no: 'Go on',
    customer: 'About the customer', channel: 'From', since: 'Since',
    with: (name: string) => `with ${name}`,
    queued: 'This one waits for somebody. Take it to read and answer it.',
    elsewhere: (name: string) => `${name} has this conversation.`,
    ended: 'This conversation was ended.',
    errors: {
      LOGIN_FAILED: 'Name or password is wrong.',
      RATE_LIMITED: 'Too many tries. Please wait a moment.', LOGGED_OUT: 'You were logged out.',
      SESSION_REPLACED: 'You logged in somewhere else.', BANNED: 'This account is blocked.',
      UNREACHABLE: 'The hub cannot be reached now.',
      USER_NOT_FOUND: 'This colleague is not online any longer.',
      ROOM_CLOSED: 'The conversation was ended already.',
      FORBIDDEN: 'A colleague has this conversation now.', other: 'That did not work. Try again.',
    },
  },

  /** For the person on call, perhaps just woken: short words, what is so first. */
  admin: {
    title: 'Hub at a glance', brand: 'Parley', badge: 'Admin',
    version: (version: string) => `Version ${version}`,
    board: 'Queue board', dashboards: 'Dashboards', elsewhere: 'opens in a new tab',

    verdict: { unknown: 'Looking …', well: 'All is well', warn: 'Keep an eye on this', bad: 'Something is wrong' },
    /** In the title of the tab. */
    tab: { unknown: '…', well: '✓', warn: '!', bad: '✗' },
    nothingElse: 'Every gateway serves, queues move, Redis and PostgreSQL answer.',
    nothingElseAlone: 'The gateway serves, queues move, PostgreSQL answers.',
    asOf: (time: string) => `As of ${time}`,
    every: 'looks again every 2 seconds',
    findings: {
      noAnswer: 'The hub gives no answer. What is shown below is old.',
      slow: 'The hub takes long to answer.',
      refused: (why: string) => `The hub refuses to answer: ${why}`,
      redisDown: 'Redis does not answer: messages do not cross between gateways, people may be cut off.',
      databaseDown: 'PostgreSQL does not answer: what keeps history takes no messages, nobody can log in.',
      noGateway: 'No gateway is serving: nobody can connect.',
      lost: (nodes: string) => `Lost without a word: ${nodes}`,
      gone: (nodes: string) => `Lost over a minute ago, the others do its work: ${nodes}`,
      draining: (nodes: string) => `Draining: ${nodes}. People are being sent to other gateways.`,
      lag: (node: string, lag: string) => `Redis is slow for ${node}: ${lag}`,
      queue: (queue: string, age: string) => `Queue ${queue} does not move: the oldest job has waited ${age}`,
      failed: (queue: string, count: string) => `Queue ${queue}: ${count} given up, kept to be looked at`,
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
      lag: 'Redis lag', empty: 'No gateway tells about itself.',
      silent: (length: string) => `silent for ${length}`,
    },
    rooms: { title: 'Largest rooms', room: 'Room', people: 'People', empty: 'Nobody is in a room.' },
    queues: {
      title: 'Queues', queue: 'Queue', waiting: 'Waiting', active: 'Running', delayed: 'Later',
      failed: 'Given up',
      oldest: (age: string) => `oldest waits ${age}`,
      names: { mail: 'Mail', 'room-expiry': 'Rooms that end', 'clean-up': 'Clean-up' },
    },
    keySet: {
      title: 'Keys of the other login', host: 'Host', last: 'Last fetched', never: 'never',
      problem: 'Why not', fetched: 'Fetched', failed: 'Cannot be fetched',
      notAsked: 'Not needed yet',
    },
    stale: (why: string) => `No newer numbers: ${why}`,

    people: {
      title: 'People', find: 'Find a person', findHint: 'Their id, or how their name begins',
      search: 'Find',
      found: (count: number, more: boolean) =>
        more ? `The first ${count} people found` : count === 1 ? '1 person found' : `${count} people found`,
      nobody: 'Nobody has this id, and no name begins like this.', results: 'People found',
      clear: 'Back to who is online', online: 'Online now',
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
      lastSeen: 'Last came or went', never: 'never', ban: 'Ban', notBanned: 'not banned',
      bannedUntil: (time: string) => `banned until ${time}`,
      rooms: 'Rooms of theirs', noRooms: 'none', moreRooms: 'More rooms',
      roomKinds: { group: 'group', pair: 'pair', conv: 'conversation', dm: 'direct messages', park: 'park' },
      actions: 'What you can do', inform: 'Send a notice …', disconnect: 'Disconnect …',
      revoke: 'Log out …', banAction: 'Ban …', unban: 'Lift the ban …',
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
        body: 'Their connections are closed, and they are not let in until the ban is over.',
        seconds: 'For how long', yes: 'Ban',
        done: 'Banned: every gateway follows within 2 seconds.',
      },
      unban: {
        title: (name: string) => `Lift the ban of ${name}?`,
        body: 'They may come in again at once.', yes: 'Lift the ban', done: 'The ban is lifted.',
      },
    },

    notice: {
      title: 'Send a notice', hint: 'It pops up at whoever is connected now. It is not kept.',
      to: 'To', all: 'Everybody', room: 'A room', user: 'A person', roomName: 'Name of the room',
      userId: 'Id of the person', text: 'Text', send: 'Send …',
      toAll: (count: string) => `everybody (${count} online)`,
      toRoom: (room: string) => `room ${room}`,
      toUser: (user: string) => `person ${user}`,
      confirmTitle: 'Send this notice?',
      confirmTo: (target: string) => `To ${target}:`,
      yes: 'Send', done: 'Sent.', missing: 'Say to whom, and what.',
    },

    errors: {
      NO_ANSWER: 'the hub gives no answer', UNAVAILABLE: 'Redis or PostgreSQL is away',
      MISSING_TOKEN: 'the password is wrong: load the page again',
      RATE_LIMITED: 'too many wrong passwords: wait a minute', FORBIDDEN: 'this is not open to you',
      ORIGIN_DENIED: 'asked from another site', USER_NOT_FOUND: 'there is no such person',
      ROOM_NOT_FOUND: 'there is no such room', ROOM_CLOSED: 'the room is closed',
      TOO_LARGE: 'the text is too long', INVALID_REQUEST: 'this is not valid',
    },
  },
};

/** The words of the pages, by their parts. A language that lacks one does not compile. */
export type Texts = typeof en;
