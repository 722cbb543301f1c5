/** The variables of a process, with the secrets that come from files (`NAME_FILE`). */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';

/** The variables of an environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The end of the name of the variable that has the path of a secret's file. */
const FILE_SUFFIX = '_FILE';

/** A longer file is no secret. Bounds the read of a device that never ends. */
const FILE_MAX_BYTES = 65_536;

/** The texts of the settings. */
export interface SettingTexts {
  /**
   * Returns the text of a setting, from its variable or its file, without white space around it.
   * Empty if it is unset, or if its file cannot be used.
   */
  text(name: string): string;
  /** Whether a setting was given, also by a file that cannot be used. */
  isGiven(name: string): boolean;
  /**
   * One sentence for each file that cannot be used, and for each secret that is given twice. It
   * names the setting and the path, and never has the content.
   */
  readonly problems: readonly string[];
}

/**
 * Reads the variables, and the file of each secret that has one. A line break at the end of a file
 * is cut, as all white space around it.
 *
 * Example: `JWT_SECRET_FILE=/run/secrets/jwt` gives `JWT_SECRET` the text of that file.
 */
export function settingTexts(env: Environment): SettingTexts {
  const files = new Map<string, string>();
  const problems: string[] = [];
  const ofVariable = (name: string): string => env[name]?.trim() ?? '';
  for (const { name, secret } of Object.values<Setting<unknown>>(SETTINGS)) {
    const variable = name + FILE_SUFFIX;
    const path = ofVariable(variable);
    if (secret !== true || path === '') continue;
    files.set(name, '');
    if (ofVariable(name) !== '') {
      problems.push(`${name} and ${variable} are both set: leave one of them out.`);
      continue;
    }
    const found = readSecret(path);
    if ('fault' in found) problems.push(`${variable} takes the path of a file with ${name} in it: ${JSON.stringify(path)} ${found.fault}.`);
    else files.set(name, found.text);
  }
  return {
    text: (name) => files.get(name) ?? ofVariable(name),
    isGiven: (name) => files.has(name) || ofVariable(name) !== '',
    problems,
  };
}

function readSecret(path: string): { readonly text: string } | { readonly fault: string } {
  let bytes: Buffer;
  try {
    bytes = readUpTo(path, FILE_MAX_BYTES + 1);
  } catch (error) {
    return { fault: `cannot be read (${error instanceof Error && 'code' in error ? error.code : 'unknown error'})` };
  }
  if (bytes.length > FILE_MAX_BYTES) return { fault: `has more than ${FILE_MAX_BYTES} bytes` };
  try {
    // A lenient decoder turns every byte that is not UTF-8 into the same character: a secret of
    // random bytes could be guessed.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
    return text === '' ? { fault: 'is empty' } : { text };
  } catch {
    return { fault: 'is not text in UTF-8: write random bytes as base64 or hex' };
  }
}

/** Reads at most `max` bytes. */
function readUpTo(path: string, max: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(max);
    let length = 0;
    for (let count = -1; count !== 0 && length < max; ) {
      count = readSync(file, bytes, length, max - length, null);
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
