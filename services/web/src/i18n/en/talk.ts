/** What the widget and the workbench both say of a conversation's messages. */
export const talk = {
  messages: 'Messages',
  message: 'Message',
  placeholder: 'Write a message',
  send: 'Send',
  you: 'You',
  earlier: 'Earlier messages',
  gap: 'Something said before may be missing here.',
  today: 'Today',
  yesterday: 'Yesterday',
  pending: 'sending …',
  failed: 'Not sent.',
  retry: 'Try again',
  tooLong: 'Too long: this is not sent.',
  left: (count: number) => (count < 0 ? `${-count} too many` : `${count} left`),
  typing: (name: string) => `${name} is typing …`,
};
