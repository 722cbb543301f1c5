/**
 * Names that the parts of the client use among themselves. The build shortens them everywhere. None
 * may be a member of a frame, an option, an event or the public class (a test checks these), nor of
 * the platform.
 */
export const INTERNAL_NAMES: readonly string[] = [
  ...['abandoned', 'advance', 'answerMs', 'answered', 'ask', 'busy', 'connector', 'deliveries', 'doubt', 'due', 'emit', 'errors'],
  ...['failed', 'failures', 'firstSentAt', 'forget', 'giveUp', 'handed', 'heard', 'held', 'idle', 'inbox', 'isEntering', 'joinId'],
  ...['joining', 'lineDown', 'lineUp', 'mark', 'marked', 'milliseconds', 'missed', 'newUser', 'outbox', 'position', 'pump', 'renewal'],
  ...['renewed', 'repeats', 'requests', 'sent', 'settled', 'timeoutMs', 'tokenEnds', 'told', 'unanswered', 'waited', 'welcomed'],
  ...['wire', 'wish'],
];
