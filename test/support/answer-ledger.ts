/**
 * The rule of answers (F): a frame with an `id` gets its answer, or one `error`, exactly once for
 * each room that it names. Pages of `joined` before the last one do not count. `delivered` and
 * `typing` are answered by errors only.
 */
import type { ServerFrame } from './server-frame.ts';

interface SentFrame {
  readonly type: string;
  readonly id?: unknown;
  readonly room?: unknown;
  readonly rooms?: unknown;
}

const ANSWERS: Readonly<Record<string, string>> = {
  join: 'joined',
  leave: 'left',
  message: 'ack',
  history: 'history',
  presence: 'presence',
  query: 'online',
  refresh: 'refreshed',
  ping: 'pong',
};

/** An error with one of these codes and without a room refuses the whole frame. */
const WHOLE: ReadonlySet<string> = new Set(['INVALID_REQUEST', 'RATE_LIMITED']);

interface Question {
  readonly frame: SentFrame;
  /** The number of missing answers by room; the empty name for a frame that names none. */
  readonly rooms: Map<string, number>;
  answered: boolean;
}

/**
 * Records the questions and answers of one connection. Use each `id` once, except to repeat a
 * message (M2).
 */
export class AnswerLedger {
  readonly #questions = new Map<unknown, Question>();

  sent(frame: SentFrame): void {
    if (frame.id === undefined) return;
    const known = this.#questions.get(frame.id);
    if (known !== undefined && frame.type !== 'message') throw new Error(`the id ${String(frame.id)} is used twice`);
    const rooms = known?.rooms ?? new Map<string, number>();
    for (const room of roomsOf(frame)) rooms.set(room, (rooms.get(room) ?? 0) + 1);
    this.#questions.set(frame.id, { frame, rooms, answered: false });
  }

  /** @throws Error for an answer that the rule does not allow. */
  received(frame: ServerFrame): void {
    if (frame.id === undefined) return;
    const question = this.#questions.get(frame.id);
    const wrong = (why: string): Error => new Error(`${why}: ${JSON.stringify(frame)} to ${JSON.stringify(question?.frame)}`);
    if (question === undefined) throw wrong('an answer to nothing');
    const { rooms } = question;
    const isError = frame.type === 'error';
    if (!isError && frame.type !== ANSWERS[question.frame.type]) throw wrong('not the answer of this frame');
    if (isError && frame.room === undefined && WHOLE.has(frame.code ?? '') && !question.answered) {
      rooms.clear();
    } else {
      const room = rooms.has('') ? '' : (frame.room ?? '');
      const left = rooms.get(room);
      if (left === undefined) throw wrong(frame.room === undefined ? 'an answer that names no room' : 'an answer too many');
      if (frame.more === true && frame.type === 'joined') rooms.set(room, left);
      else if (left === 1) rooms.delete(room);
      else rooms.set(room, left - 1);
    }
    question.answered = true;
  }

  /** The room that the frame with this id names, if it names one. */
  roomOf(id: unknown): string | undefined {
    const room = this.#questions.get(id)?.frame.room;
    return typeof room === 'string' ? room : undefined;
  }

  /** The frames without an answer. */
  get unanswered(): SentFrame[] {
    return [...this.#questions.values()].filter(({ frame, rooms }) => rooms.size > 0 && frame.type in ANSWERS).map(({ frame }) => frame);
  }
}

function roomsOf({ type, room, rooms }: SentFrame): string[] {
  if (Array.isArray(rooms)) return [...new Set(rooms.map((target: { readonly room: string }) => target.room))];
  return typeof room === 'string' && type !== 'ping' ? [room] : [''];
}
