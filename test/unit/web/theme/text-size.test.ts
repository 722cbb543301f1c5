import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const sheets = globSync('services/**/*.css', { exclude: ['**/dist/**'] });

describe('the styles of the pages', () => {
  it('give sizes of text in rem and heights of lines without a unit, so that they follow the browser', () => {
    expect(sheets.length).toBeGreaterThan(15);
    const fixed = sheets.flatMap((sheet) =>
      (readFileSync(sheet, 'utf8').match(/(?:font-size|line-height|font):[^;]*\dpx[^;]*;/g) ?? []).map((rule) => `${sheet}: ${rule}`),
    );
    // Below 16 px a phone zooms into a field.
    expect(fixed.filter((rule) => !rule.includes('max(16px, 1rem)'))).toEqual([]);
  });
});
