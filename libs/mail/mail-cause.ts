/** Why a mail server could not be talked to, in words of our own: what errors and servers say may hold an address. */

/** nodemailer keeps the code of its own and the text of whoever failed: the first that fits is the cause. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/\bECONNREFUSED\b/, 'connection refused'],
  [/\bENOTFOUND\b|\bENODATA\b/, 'no such host name'],
  [/\bEAI_AGAIN\b|\bESERVFAIL\b|\bETIMEOUT\b/, 'host name not resolved'],
  [/\bEHOSTUNREACH\b|\bENETUNREACH\b|\bEADDRNOTAVAIL\b/, 'no route to the host'],
  [/\bECONNRESET\b|\bEPIPE\b/, 'connection cut off'],
  [/\bETIMEDOUT\b|\btime(d )?out\b|never received/i, 'no answer in time'],
  [/altnames/i, 'certificate is for another name'],
  [/certificate has expired/i, 'certificate has expired'],
  [/certificate is not yet valid/i, 'certificate is not valid yet'],
  [/self[- ]signed certificate/i, 'certificate of an unknown authority'],
  [/unable to (get|verify)|unable to get local issuer|certificate/i, 'certificate not trusted'],
  [/wrong version number|packet length too long|SSL routines|ssl3_/i, 'no TLS spoken at this port'],
  [/closed|disconnected/i, 'connection closed'],
];

/** The cause of an error that came without a reply of the server; undefined where none is known. */
export function mailCause(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const own = CAUSES.find(([pattern]) => pattern.test(error.message))?.[1];
  if (own !== undefined) return own;
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return inner === undefined ? undefined : mailCause(inner);
}
