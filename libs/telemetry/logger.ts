/** Structured logs on stdout: one line of JSON for each event. */

import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { standardOutput } from './standard-output.ts';

/**
 * Milliseconds between two lines of the same text: the first pause, doubled each time, at most
 * `LONGEST_MS`.
 */
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/**
 * Texts that are remembered. They consist of constants and of places in the programs, so there are
 * few.
 */
const TEXTS_MAX = 1000;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
type Level = (typeof LEVELS)[number];

interface Repeated {
  /** Lines are held back until this time, milliseconds of the steady clock. */
  until: number;
  pauseMs: number;
  /**
   * Lines held back since the last written one. The latest of them is written at the end of the
   * pause.
   */
  held: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Wraps a logger so that it limits repeated lines. Lines are the same if level, text and the kind
 * of error (name and code of `err`) are the same; other fields do not count.
 *
 * The first line is written at once. While lines repeat, one is written after 1 s, 2 s, 4 s and so
 * on, at most once a minute. It is the latest of those held back, with their number as `repeated`.
 * Lines with a `request` field are all written: each answers a person's question.
 *
 * @param steady Milliseconds of a steady clock.
 */
export function limitLog(log: Logger, steady: () => number = () => performance.now()): Logger {
  const texts = new Map<string, Repeated>();
  return limited(log, texts, steady);
}

function limited(log: Logger, texts: Map<string, Repeated>, steady: () => number): Logger {
  const line = (level: Level): LogLine => {
    const write = (fields: object, message: string): void => {
      if ('request' in fields) {
        log[level](fields, message);
        return;
      }
      limit(texts, `${level} ${kindOf(fields)} ${message}`, steady, (held) =>
        log[level](held === 0 ? fields : { ...fields, repeated: held }, message),
      );
    };
    return (first: object | string, message?: string): void => {
      if (typeof first === 'string') write({}, first);
      else write(first, message ?? '');
    };
  };
  const [trace, debug, info, warn, error, fatal] = LEVELS.map(line) as [LogLine, LogLine, LogLine, LogLine, LogLine, LogLine];
  return { trace, debug, info, warn, error, fatal, child: (fields) => limited(log.child(fields), texts, steady) };
}

function kindOf(fields: object): string {
  const err: unknown = 'err' in fields ? fields.err : undefined;
  if (!(err instanceof Error)) return '';
  return 'code' in err ? `${err.name} ${String(err.code)}` : err.name;
}

function limit(texts: Map<string, Repeated>, key: string, steady: () => number, write: (held: number) => void): void {
  const at = steady();
  const repeated = texts.get(key);
  if (repeated === undefined || (at >= repeated.until && repeated.held === 0)) {
    if (repeated === undefined && texts.size >= TEXTS_MAX) texts.clear();
    texts.set(key, { until: at + FIRST_MS, pauseMs: FIRST_MS, held: 0, timer: undefined });
    write(0);
    return;
  }
  repeated.held += 1;
  clearTimeout(repeated.timer);
  repeated.timer = setTimeout(
    () => {
      const { held } = repeated;
      repeated.held = 0;
      repeated.pauseMs = Math.min(repeated.pauseMs * 2, LONGEST_MS);
      repeated.until = steady() + repeated.pauseMs;
      write(held);
    },
    Math.max(0, repeated.until - at),
  );
  repeated.timer.unref();
}

/** The levels of `LOG_LEVEL`, the most lines first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** A level of logging. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes one line: a text for people, and facts as fields. */
export interface LogLine {
  (fields: object, message: string): void;
  (message: string): void;
}

/**
 * The logger of the libraries. Fields may be ids of node, session and user, codes of the error
 * table, sizes and durations. They are never a token, a login code, a mail address or the text of a
 * message. An error goes into the field `err`.
 */
export interface Logger {
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** Returns a logger that adds these fields to each line. */
  child(fields: Record<string, unknown>): Logger;
}

/** Options of `createLogger`. */
export interface CreateLoggerOptions {
  /** The node id of this process. Each line has it. */
  readonly node: string;
  readonly level: LogLevel;
  /** The output. Default: stdout, which never waits for its reader (`BoundedOutput`). */
  readonly destination?: DestinationStream;
}

/**
 * Fields whose values are replaced at the top and one level down. A safety net only: no caller may
 * log them.
 */
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

/** The longest chain of causes in a log line. */
const CAUSES_MAX = 4;

/**
 * Returns an error as fields: name, code, message, stack and causes. Other properties are left out:
 * ioredis attaches the whole command to its errors, with message texts and tokens.
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

/** Makes the logger of this process. `main` makes one and passes it on. */
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
    else log.warn({ lines }, 'log lines were dropped: nobody read standard output for a while');
  };
  return log;
}
