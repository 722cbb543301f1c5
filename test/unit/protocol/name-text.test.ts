import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanName, nameFault, tidyName } from '#libs/protocol/name-text.ts';

const fault = (text: string) => nameFault(tidyName(text), { max: 21, script: 'whole' });

describe('a name', () => {
  it.each([
    ['alice'],
    ['Zoë 🦊'],
    ['Jean-Luc O’Neil'],
    ['Nguyễn Văn'],
    ['Алиса'],
    ['Ελένη 2'],
    ['山田太郎 Taro'],
    ['김철수 Kim'],
    ['中ㄅ'],
    ['علی\u200cرضا'],
    ['क्\u200dष'],
    ['ශ්\u200dරී'],
    ['👨\u200d👩\u200d👧'],
    ['👩🏽\u200d💻 dev'],
    ['🏳\ufe0f\u200d🌈'],
    ['1\ufe0f\u20e3'],
    ['\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}'],
  ])('[A3] may be %s', (name) => {
    expect(fault(name)).toBeUndefined();
    expect(cleanName(name, 64, 'id')).toBe(tidyName(name));
  });

  it.each<readonly [what: string, name: string, why: RegExp]>([
    ['nothing', '', /to be seen/],
    ['blanks', ' \u00a0\u3000', /to be seen/],
    ...[
      '\u3164',
      '\u115f',
      '\u1160',
      '\uffa0',
      '\u2800',
      '\u{1d159}',
      '\u200d',
      '\ufe0f',
      '\u034f',
      '\u180e',
      '\u2060',
      '\ufeff',
      '\u00ad',
    ].map((unseen) => [`U+${unseen.codePointAt(0)?.toString(16)} alone`, unseen, /to be seen/] as const),
    ...[
      '\u3164',
      '\u2800',
      '\u200b',
      '\u200c',
      '\u200d',
      '\u200e',
      '\u202e',
      '\u2066',
      '\u061c',
      '\ufe0f',
      '\u{e0101}',
      '\u{e0061}',
      '\u2061',
    ].map((unseen) => [`U+${unseen.codePointAt(0)?.toString(16)} in a word`, `ali${unseen}ce`, /invisible/] as const),
    ['a control', 'a\u0007b', /control/],
    ['a line', 'a\nb', /control/],
    ['a private character', 'a\ue000', /private/],
    ['one that is not assigned', 'a\u0378', /not assigned/],
    ['half a character', 'a\ud800', /control/],
    ['five marks', `a\u0300\u0301\u0302\u0303\u0304`, /marks/],
    ['one mark twice', 'x\u0323\u0323', /marks/],
    ['a mark before all', '\u0301a', /marks/],
    ['Cyrillic among Latin', '\u0430lice', /scripts/],
    ['Greek beside Latin', 'Ελένη Cy', /scripts/],
    ['Japanese and Korean', 'ひらがな한국', /scripts/],
    ['digits of another script', 'abc\u0661', /scripts/],
    ['too many characters', 'x'.repeat(22), /at most 21/],
  ])('[A3] has not %s, and is told why', (_what, name, why) => {
    expect(fault(name)).toMatch(why);
  });

  it('[A12] of a token is cleaned, never refused; the id is shown where nothing is left', () => {
    expect(cleanName('ali\u200bce\u202e', 64, 'id')).toBe('alice');
    expect(cleanName(' A \u00a0 B\u0007\n', 64, 'id')).toBe('A B');
    expect(cleanName('n'.repeat(100), 64, 'id')).toBe('n'.repeat(64));
    expect(cleanName('🦊'.repeat(100), 64, 'id')).toBe('🦊'.repeat(64));
    expect(cleanName(`a${'\u0301\u0302\u0303\u0304\u0305\u0306'.repeat(5)}`, 64, 'id').normalize('NFD')).toHaveLength(5);
    for (const nothing of ['', ' ', '\u3164', '\u2800\u115f', '\ud800', '\u0301', '\u200d'.repeat(5000)])
      expect(cleanName(nothing, 64, 'id')).toBe('id');
  });

  it('[A12] that was cleaned has nothing any more that a name may not have, but scripts', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc
        .array(
          fc.constantFrom(
            'a',
            'é',
            '\u0301',
            '\u200d',
            '\ufe0f',
            '👩',
            '🏽',
            '\u{1f3f4}',
            '\u{e0067}',
            '\u{e007f}',
            ' ',
            '\u3164',
            'क',
            '\u094d',
          ),
        )
        .map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        const name = cleanName(given, 64, 'id');
        expect(nameFault(name, { max: 64, script: 'any' }), JSON.stringify(given)).toBeUndefined();
        expect(cleanName(name, 64, 'id')).toBe(name);
      }),
      { numRuns: 300 },
    );
  });

  it('[A8] of a group is of one script in each word', () => {
    const title = (text: string) => nameFault(text, { max: 60, script: 'words' });
    expect(title('Team Москва 東京')).toBeUndefined();
    expect(title('Team Mосква')).toMatch(/within a word/);
  });
});
