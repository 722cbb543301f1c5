import { HubError } from '#libs/protocol/errors.ts';

/** Why a job failed, in words that may be kept and shown: no address, no code, no text of a message. */
export class JobError extends Error {
  override readonly name = 'JobError';
  /** Trying again cannot succeed. */
  readonly permanent: boolean;

  constructor(message: string, options: { readonly permanent: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.permanent = options.permanent;
  }
}

export function isPermanent(error: unknown): boolean {
  return error instanceof JobError && error.permanent;
}

/** What of an error may be kept with the job. */
export function reasonOf(error: unknown): string {
  if (error instanceof JobError) return error.message;
  if (error instanceof HubError) return error.code;
  if (!(error instanceof Error)) return 'failed';
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? `${error.name} ${code}` : error.name;
}
