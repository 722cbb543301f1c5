import { adminEn, kinds } from './en-admin.ts';

/** A conversation, the same on all pages. */
// biome-ignore format: related words share a line
const conversation = {
  messages: 'Messages', message: 'Message', placeholder: 'Write a message…', send: 'Send', you: 'You',
  messagesIn: (room: string) => `Messages in ${room}`,
  characters: (count: number, max: number) => `${count} of ${max} characters`,
  tooLong: (count: number) => (count === 1 ? '1 character too many' : `${count} characters too many`),
  sending: 'Sending', waits: 'It is sent as soon as you are back online.', sent: 'Sent', notSent: 'Not sent.',
  retry: 'Try again', discard: 'Discard', today: 'Today', yesterday: 'Yesterday',
  newMessages: 'New messages', toLatest: 'To the latest messages',
  toLatestNew: (count: string) => (count === '1' ? '1 new message below' : `${count} new messages below`),
  toFirstNew: (count: string) => `To the first of ${count} new messages`, newerFailed: 'Newer messages could not be loaded.',
  noFiles: 'Images and files cannot be sent, only text.', earlier: 'Earlier messages',
  gap: 'The server was restarted. Some messages may be missing here.', loading: 'Loading…',
  beginning: 'This is the beginning of the conversation.', olderFailed: 'Older messages could not be loaded.',
  earlierEnded: (when: string) => `Earlier conversation, ended ${when}`,
  showMore: 'Show more', showLess: 'Show less',
  announced: (name: string, text: string) => `${name}: ${text}`,
  isTyping: (names: readonly string[]) =>
    names.length > 2 ? 'Several people are typing…' : `${names.join(' and ')} ${names.length > 1 ? 'are' : 'is'} typing…`,
};

/** English. Every other language has the same keys. */
// biome-ignore format: related words share a line
export const en = {
  kinds,
  conversation,
  /** By error code. `other` is for all others. */
  problems: {
    RATE_LIMITED: 'Too many tries. Wait a moment, then try again.',
    UNREACHABLE: 'The server cannot be reached. Check your connection, then try again.',
    UNAVAILABLE: 'The server is busy. Try again in a moment.',
    NOT_STORED: 'The server could not save it. Try again.', EXPIRED: 'The server did not answer. Try again.',
    QUEUE_FULL: 'Too many messages are waiting. Try again in a moment.', ROOM_CLOSED: 'This room is closed. Choose another one.',
    ROOM_LIMIT: 'You have too many groups. Delete one first.',
    FORBIDDEN: 'You are not allowed to do this. Ask the owner of the group.',
    MESSAGE_TOO_LONG: 'The message is too long. Shorten it and send it again.',
    USER_NOT_FOUND: 'This person cannot be found any more. Choose somebody else.',
    other: 'That did not work. Try again.',
  },

  /** All pages. */
  app: {
    name: 'Parley',
    loading: 'Connecting…',
    /** The present scheme. */
    colorScheme: { auto: 'Colours follow the system', light: 'Light colours', dark: 'Dark colours' },
    broken: 'Something went wrong on this page.', reload: 'Reload the page',
    you: (name: string) => `You are ${name}`,
    youGuest: (name: string) => `You are ${name}, a guest`,
    logOut: 'Log out',
    banned: (until: string | undefined, reason: string | undefined) =>
      `You are banned${until === undefined ? '' : ` until ${until}`}. If you think that this is a mistake, contact the people who run this site.${reason === undefined ? '' : ` Reason: ${reason}`}`,
    tooMany: {
      wait: (seconds: number) => `Too many tries. Wait ${seconds} s, then try again.`,
      until: (time: string) => `Too many tries. Try again at ${time}.`,
    },
    notifications: {
      default: 'Notify me of new messages', granted: 'Notifications are on',
      denied: 'Notifications are blocked. You can allow them in the settings of your browser.',
    },
    connection: {
      connecting: 'Connecting…', connected: 'Connected.', reconnecting: 'Connecting again…',
      lost: 'Connection lost.', restarting: 'The server is restarting.',
      tooFast: 'Slow down a little.', unavailable: 'The server cannot be reached.',
      offline: 'You are offline. What you write is sent as soon as you are back.',
      again: (seconds: number) => (seconds > 0 ? `Trying again in ${seconds} s.` : 'Trying again…'),
      retry: 'Try now', startOver: 'Start over', replaced: 'You logged in somewhere else.',
      loggedOut: 'You were logged out.',
      sentOut: 'You were disconnected.',
      sentOutFor: (reason: string) => `You were disconnected: ${reason}`,
      forbidden: 'You have no access here. Log in with another account.', loginOver: 'Your login has expired. Please log in again.',
      ended: 'The server closed the connection.',
    },
  },

  /** Login and registration. */
  account: {
    tagline: 'Say hello in the park, or find a partner to chat with.',
    headline: 'Good company, right now.', ways: 'How to log in', asGuest: 'As a guest',
    withMail: 'With my email', nickname: 'Nickname', nicknameWish: 'Who are you today?',
    nicknameHint: 'Everybody in the park can read what you write.', enter: 'Enter the park',
    address: 'Email address, or your name', addressWish: 'ann@example.org',
    addressHint: 'No password needed: you get a code by email. A new address creates a new account.',
    askCode: 'Email me a code', code: 'Code',
    codeHint: 'Upper or lower case, never 0, O, 1, I or L. It is sent as soon as it is complete.',
    codeSentTo: (address: string) => `A code is on its way to ${address}. It is valid for 10 minutes.`,
    codeSentToName: (name: string) =>
      `If there is an account named ${name}, a code is on its way to its email address. It is valid for 10 minutes.`,
    codeSentAgain: 'A new code is on its way. Use the one from the newest email.',
    mailboxLead: 'This server sends no email:', mailboxLink: 'read it here', logIn: 'Log in',
    codeAgain: 'Send a new code', otherAddress: 'Another address',
    welcome: 'Welcome! Now choose a name.', yourName: 'Your name',
    nameHint: 'Everybody sees it, and nobody else can take it.', create: 'Create my account',
    online: (count: number) =>
      count === 0 ? 'Nobody is here yet: be the first' : count === 1 ? '1 person online' : `${count} people online`,
    missing: { nickname: 'Please enter a nickname.', address: 'Please enter an email address or a name.', name: 'Please enter a name.' },
    codeLength: (length: number) => `The code has ${length} letters and digits.`,
    nameTooLong: (most: number) => `At most ${most} characters. Please shorten it.`,
    tooLate: 'That took too long. Please ask for a new code.',
    stillLoggedIn: 'The server cannot be reached, so this browser is still logged in. Reload the page and log out again.',
    /** By error code. */
    problems: {
      CODE_INVALID: 'This code is wrong or has expired. Use the one from the newest email, or send a new code.',
      CODE_SPENT: 'Too many wrong tries: this code does not work any more. Send a new code.',
      /** Also with a right code. */
      codeLimit: (time: string) => `Too many tries: no code is accepted until ${time}. Then send a new code.`,
      NAME_TAKEN: 'Somebody has this name already. Choose another one.',
      NAME_INVALID: 'Use 1 to 21 visible characters of one script, and no @.',
      INVALID_REQUEST: 'This is neither an email address nor a name. Please check it.',
      FORBIDDEN: 'Guests cannot enter here. Log in with your email.',
      UNREACHABLE: 'The server cannot be reached. Check your connection, then try again.',
      other: 'The server is busy. Try again in a moment.',
    },
    /** Texts of the picture beside the form. */
    picture: ['Anybody up for a walk?', 'Always! By the pond?', 'See you there'],
  },

  /** The chat: lobby, rooms, the pair. */
  chat: {
    title: 'Chat', rooms: 'Rooms', park: 'Park', parkAbout: 'Everybody who is here',
    groups: 'Groups', noGroups: 'No groups yet.', direct: 'Direct messages',
    moreRooms: 'More rooms and people', noDirect: 'Choose somebody in a room and write to them.',
    partner: 'Partner', partnerAbout: 'Meet somebody new',
    partnerWaiting: 'Waiting for a partner…',
    online: (count: number) => (count === 1 ? '1 person online' : `${count} people online`),
    here: (count: number) => (count === 1 ? '1 person here' : `${count} people here`),
    unread: (count: number) => (count === 1 ? '1 new message' : `${count} new messages`),
    isOnline: 'Online', isOffline: 'Offline', presenceUnknown: 'Not connected',
    listFailed: 'The list of rooms could not be loaded. Trying again.',
    back: 'Back to the rooms', loading: 'Loading…',

    newGroup: 'New group', groupName: 'Name of the group',
    groupNameWrong: 'Please enter a name of 1 to 60 characters.', members: 'Members',
    membersAbout: 'People you have met',
    nobodyMet: 'You have not met anybody yet. The people in your rooms appear here.',
    search: 'Search by name', keepHistory: 'Keep the history',
    keepHistoryAbout: 'Messages are stored, and wait for members who are offline.', create: 'Create',
    cancel: 'Cancel', close: 'Close', addPeople: 'Add people', add: 'Add',
    takeOut: (name: string) => `Remove ${name}`,
    takeOutSure: 'They get no further messages of this group. You can add them again.', yesTakeOut: 'Remove',
    leaveGroup: 'Leave the group', leaveGroupSure: 'You will not get its messages any more.',
    endGroup: 'Delete the group', endGroupSure: 'It is deleted for everybody in it.', yesLeave: 'Leave',
    yesEnd: 'Delete',

    people: 'People', showPeople: 'Who is here', you: 'you', owner: 'owner',
    writeTo: (name: string) => `Write to ${name}`,
    andMore: (count: number) => `and ${count} more`,

    quiet: 'It is quiet here. Say something!',
    quietDirect: (name: string) => `Nothing said yet. Say hello to ${name}!`,
    quietUnknown: 'You have not met here yet. Your first message tells whether this person is still around.',

    pairLead: 'Chat with one partner, chosen by chance. Nobody else can read it.',
    pairFind: 'Find a partner', pairFindAgain: 'Find another partner',
    pairWaiting: 'Nobody else is waiting yet. Looking on…',
    pairUnreached: 'The server does not answer. Asking again…',
    pairWaitingAbout:
      'You can visit the park meanwhile. A notice appears when a partner is found. Nobody gets the same partner again within a day.',
    pairFindable: 'Others may find me',
    pairFindableAbout: 'Somebody who looks for a partner may be paired with you while you are here.',
    pairAnyone: 'Here everybody who is online may be chosen.',
    pairStop: 'Stop waiting', pairEnd: 'End chat', pairEndSure: 'End it for both?',
    pairEndAbout: 'The chat ends for you and your partner.', pairKept: 'History is kept',
    pairNotKept: 'History is not kept', pairWished: 'History is kept once both ask for it',
    pairAsked: 'Your partner would like to keep the history',
    pairEnded: { mine: 'You ended this chat.', closed: 'This chat has ended.', expired: 'This chat ended after 24 hours.' },
    earlierPartners: 'Earlier partners', pairReadable: 'You both kept this chat. You can read it for 30 days after its end.',
    timeLeft: (hours: number, minutes: number) => (hours > 0 ? `${hours} h ${minutes} min left` : `${minutes} min left`),

    noRoom: 'There is no such room for you',
    noRoomAbout: 'It may have ended, or you are not a member of it. Ask somebody who is in it to add you.',
    roomOver: 'This room is closed. Choose another one.',
    roomRefused: 'You have no access to this room. Choose another one.',
    notices: 'Notices', informed: 'Notice',
    paired: (name: string) => `You were paired with ${name}.`,
    added: (name: string) => `You were added to the group ${name}.`,
    removed: (name: string) => `You are not in the group ${name} any more.`,
    open: 'Open',
  },

  widget: {
    title: 'Chat with us', close: 'Close the chat', loading: 'One moment…',
    hello: 'Hello! Tell us your name, and somebody will be with you soon.', name: 'Your name',
    begin: 'Start the chat',
    nameInvalid: 'Use 1 to 21 visible characters of one script, and no @.',
    slowDown: 'Too many tries. Wait a moment, then try again.',
    unreachable: 'The chat cannot be reached right now. Please try again.', again: 'Try again',
    ask: 'What can we do for you?',
    queued: 'Nobody is free right now. You can write now: whoever comes first will read it.',
    assigned: (name: string) => `You are talking to ${name}.`,
    ended: 'This conversation has ended.', writeAgain: 'Write again to begin a new one.',
    end: 'End', endSure: 'End the conversation?', yes: 'End it', no: 'Go on',
    reconnecting: 'Connection lost. Connecting again…',
    offline: 'You are offline. What you write is sent as soon as you are back.',
    refused: 'The chat is not available here right now. Please try again later.', opening: 'Asking for somebody…',
  },

  agent: {
    pageTitle: 'Parley: agents', title: 'Conversations', login: 'Log in as an agent', username: 'Name', password: 'Password',
    enter: 'Log in', logOut: 'Log out', loading: 'One moment…',
    unreachable: 'The server cannot be reached right now. Please try again.', again: 'Try again',
    tabs: { mine: 'Mine', waiting: 'Waiting', others: 'Colleagues', ended: 'Ended' },
    none: {
      mine: 'You have no conversations. New ones come by themselves.',
      waiting: 'Nobody is waiting.', others: 'No colleague has a conversation.',
      ended: 'None of your conversations has ended.',
    },
    customerOnline: 'The customer is online', customerAway: 'The customer is away',
    noSubject: 'No subject', more: 'More conversations',
    unread: (count: number) => `${count} unread`,
    choose: 'Choose a conversation.', back: 'Back to the list', take: 'Take it',
    takeOver: 'Take over', transfer: 'Give to…', nobody: 'No colleague is online', close: 'End',
    closeSure: 'End this conversation for both sides?', yes: 'End it', no: 'Go on',
    customer: 'About the customer', channel: 'From', since: 'Since',
    with: (name: string) => `with ${name}`,
    queued: 'This one waits for somebody. Take it to read and answer it.',
    elsewhere: (name: string) => `${name} has this conversation.`,
    ended: 'This conversation has ended.',
    errors: {
      LOGIN_FAILED: 'Name or password is wrong. Please try again.',
      RATE_LIMITED: 'Too many tries. Wait a moment, then try again.',
      LOGGED_OUT: 'You were logged out. Please log in again.',
      SESSION_REPLACED: 'You logged in somewhere else. Please log in again.',
      UNREACHABLE: 'The server cannot be reached right now. Please try again.',
      USER_NOT_FOUND: 'This colleague is not online any more. Choose another one.',
      ROOM_CLOSED: 'This conversation has ended already. Choose another one.',
      FORBIDDEN: 'A colleague has this conversation now. Take it over to go on.', other: 'That did not work. Try again.',
    },
  },

  admin: adminEn,
};

/** The texts of the pages by area. A language that lacks one does not compile. */
export type Texts = typeof en;
