/** Reads the password of an agent. */
import { createInterface } from 'node:readline';
import type { ReadStream } from 'node:tty';

const ENTER = ['\r', '\n', '\u0004'];
const CTRL_C = '\u0003';
const ERASE = ['\u007f', '\b'];

/** Returns the first line of piped input, or undefined if there is none. */
export async function pipedLine(input: NodeJS.ReadableStream): Promise<string | undefined> {
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) return line;
  return undefined;
}

/**
 * Returns the text that a person types up to Enter, without echo. Rejects with `Error` on Ctrl+C.
 */
export function typedLine(input: ReadStream, output: NodeJS.WritableStream, prompt: string): Promise<string> {
  output.write(prompt);
  input.setRawMode(true);
  input.setEncoding('utf8');
  input.resume();
  return new Promise((resolve, reject) => {
    let typed = '';
    const finish = (): void => {
      input.off('data', take);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
    };
    const take = (chunk: string): void => {
      for (const character of chunk) {
        if (ENTER.includes(character)) {
          finish();
          resolve(typed);
          return;
        }
        if (character === CTRL_C) {
          finish();
          reject(new Error('interrupted'));
          return;
        }
        typed = ERASE.includes(character) ? [...typed].slice(0, -1).join('') : typed + character;
      }
    };
    input.on('data', take);
  });
}
