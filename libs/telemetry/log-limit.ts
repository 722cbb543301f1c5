/** Keeps a loop from filling the log: a line that comes again and again is written ever more rarely. */
import type { Logger, LogLine } from './logger.ts';

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
