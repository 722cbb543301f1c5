/** Code points of a subject; the API takes no more. */
const SUBJECT_MAX = 60;

/** What the queue shows of a conversation: how its first message begins. Undefined if nothing of it can be seen in one line. */
export function subjectOf(text: string): string | undefined {
  const line = text
    .normalize('NFC')
    .replaceAll(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  const subject = [...line].slice(0, SUBJECT_MAX).join('').trim();
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(subject) ? subject : undefined;
}
