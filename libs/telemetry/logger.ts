/** Structured logs: one JSON line an event, on stdout. */

import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { standardOutput } from './standard-output.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line: an event's name for people, and its facts as fields. */
export interface LogLine {
  (fields: object, message: string): void;
  (message: string): void;
}

/**
 * What the libraries log through. Fields may be node, session and user ids, codes of the error table, sizes, durations; never a token, a login code, a
 * mail address or a message text. An error goes into the field `err`.
 */
export interface Logger {
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** A logger that adds these fields to each line. */
  child(fields: Record<string, unknown>): Logger;
}

export interface CreateLoggerOptions {
  /** This process's node id: stands in each line. */
  readonly node: string;
  readonly level: LogLevel;
  /** Where lines go. Default: stdout, which never waits for its reader (`BoundedOutput`). */
  readonly destination?: DestinationStream;
}

/** Fields that are blanked wherever a caller puts them, at the top or one level down: a net under the rule, not a leave to log them. */
const SECRET_FIELDS = [
  'token',
  'authorization',
  'password',
  'secret',
  'refresh',
  'cookie',
  'text',
  'mail',
  'email',
  'account',
  'url',
] as const;

/** How deep a chain of causes is followed. */
const CAUSES_MAX = 4;

/**
 * An error as fields: name, code, message, stack, causes. Other properties are dropped on purpose: ioredis hangs the whole command on its errors, and with
 * it message texts and tokens.
 */
function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    name: error.name,
    ...(typeof code === 'string' && { code }),
    message: error.message,
    stack: error.stack,
    ...(error.cause !== undefined && depth < CAUSES_MAX && { cause: errorFields(error.cause, depth + 1) }),
  };
}

/** A logger for this process. Make one in `main` and hand it down. */
export function createLogger({ node, level, destination }: CreateLoggerOptions): Logger {
  const options: LoggerOptions = {
    level,
    base: { node },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[redacted]' },
    serializers: { err: (error: unknown) => errorFields(error) },
  };
  if (destination !== undefined) return pino(options, destination);
  const output = standardOutput();
  const log = pino(options, output);
  output.report = (lines, cause) => {
    if (cause === 'too long') log.warn({ lines }, 'a log line was dropped: it was longer than 1 MiB');
    else log.warn({ lines }, 'log lines were dropped: nobody read standard output for a time');
  };
  return log;
}
