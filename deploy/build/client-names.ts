/**
 * What the parts of the client call each other by: the build makes these names short everywhere. None may be part of a frame, of an option, of an event or of the
 * public class, nor what the platform calls anything (a test looks at the first four).
 */
export const INTERNAL_NAMES: readonly string[] = [
  ...['abandoned', 'advance', 'answerMs', 'answered', 'ask', 'busy', 'connector', 'deliveries', 'doubt', 'due', 'emit', 'errors', 'events'],
  ...['failed', 'failures', 'firstSentAt', 'forget', 'giveUp', 'handed', 'heard', 'held', 'idle', 'inbox', 'isEntering', 'joinId'],
  ...['joining', 'lineDown', 'lineUp', 'mark', 'marked', 'milliseconds', 'missed', 'newUser', 'outbox', 'position', 'pump', 'renewal'],
  ...['renewed', 'repeats', 'requests', 'sent', 'settled', 'timeoutMs', 'tokenEnds', 'told', 'unanswered', 'waited', 'welcomed'],
  ...['wire', 'wish'],
];
