/** Structured logs: one JSON line an event, on stdout. */

import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { standardOutput } from './standard-output.ts';

/** Milliseconds between two lines of the same text: at first, doubled each time, at most. */
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** Texts that are remembered: what they are made of are constants and places of the programs. */
const TEXTS_MAX = 1000;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
type Level = (typeof LEVELS)[number];

interface Repeated {
  /** Until when further lines are held back. */
  until: number;
  pauseMs: number;
  /** Lines held back since the last one that was written; the latest of them is written in the end. */
  held: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * A logger that writes a line of the same level, text and kind of error (name and code of `err`) at most once a second, and for as long as it keeps coming
 * ever more rarely, down to once a minute. Other fields do not count: what tells two lines apart stands in their text. The last line that was held back is written, with how many there were as `repeated`. Lines about a request (`request`) are all written:
 * somebody asked for each.
 *
 * @param steady A steady clock, milliseconds.
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
