import type { Text } from '../i18n/languages.ts';
import { ApiError } from '../login/hub-api.ts';

/** What is wrong, in words; `field`: it is what was typed. */
export interface Problem {
  readonly text: string;
  readonly field: boolean;
}

const WAIT_SECONDS = 60;

/** The words for a call that did not work. */
export function problemOf(error: unknown, { problems }: Text<'account'>): Problem {
  const { code, retryAfter } = error instanceof ApiError ? error : { code: 'INTERNAL', retryAfter: undefined };
  switch (code) {
    case 'RATE_LIMITED':
      return { text: problems.rateLimited(retryAfter ?? WAIT_SECONDS), field: false };
    case 'CODE_INVALID':
    case 'NAME_TAKEN':
    case 'NAME_INVALID':
    case 'INVALID_REQUEST':
      return { text: problems[code], field: true };
    case 'FORBIDDEN':
    case 'UNREACHABLE':
      return { text: problems[code], field: false };
    default:
      return { text: problems.other, field: false };
  }
}
