/** Makes `.env.example` from the table of settings. */
import { defaultOf } from '#libs/config/config.ts';
import type { Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';

const COLUMNS = 100;
const UNSET = 'unset';
const NONE = 'none';
const HEAD = `# Every setting with its default, made from the table of settings by \`npm run generate\`. Copy it to
# .env and remove the # before what you change. This form is read by docker compose, by systemd
# (EnvironmentFile=) and by \`node --env-file\`.`;

/** Returns the default of a setting for people, for each program if they differ. */
export function defaultText(setting: Setting<unknown>): string {
  const [allInOne, elsewhere] = [shown(defaultOf(setting, 'all-in-one')), shown(defaultOf(setting, 'gateway'))];
  return allInOne === elsewhere ? allInOne : `${allInOne} in the all-in-one, ${elsewhere} elsewhere`;
}

function shown(value: unknown): string {
  if (value === null) return UNSET;
  if (value === true) return 'on';
  if (value === false) return 'off';
  return Array.isArray(value) && value.length === 0 ? NONE : String(value);
}

/** Returns the text of `.env.example`. Every line of it is a comment: it changes nothing as it is. */
export function envExample(): string {
  return [HEAD, ...Object.values<Setting<unknown>>(SETTINGS).map(entry)].map((part) => `${part}\n`).join('\n');
}

function entry(setting: Setting<unknown>): string {
  const { name, kind, meaning, zero, secret } = setting;
  const usual = shown(defaultOf(setting, 'gateway'));
  const about = [
    meaning + (zero === undefined ? '' : ` 0: ${zero}.`),
    `Takes ${kind.takes}. Default: ${defaultText(setting)}.`,
    ...(secret ? [`Secret: ${name}_FILE names a file with it.`] : []),
  ];
  return [...wrapped(about.join(' ')), `#${name}=${usual === UNSET || usual === NONE ? '' : usual}`].join('\n');
}

/** Breaks a text into lines of a comment. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
