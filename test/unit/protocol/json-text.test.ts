import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { arrayTexts, changedNumber, DEPTH_MAX, memberText } from '#libs/protocol/json-text.ts';

describe('memberText', () => {
  it.each([
    ['{"data":1e400}', '1e400'],
    ['{ "a" : "}" , "data" : [ 1.0 , "]," ] , "b":{"data":2}}', '[ 1.0 , "]," ]'],
    ['{"data":1,"data":{"x":"\\"}","y":-0}}', '{"x":"\\"}","y":-0}'],
    ['{"d\\u0061ta":12345678901234567890}', '12345678901234567890'],
    ['{"a":{"data":1},"text":"\\"data\\":2,\\\\"}', undefined],
    ['{"data":"\\\\"}', '"\\\\"'],
    ['\n{\t}', undefined],
    ['{"__proto__":{"data":1},"data":null}', 'null'],
  ])('of %s is %s', (text, expected) => {
    expect(memberText(text, 'data')).toBe(expected);
  });

  it('finds what JSON.parse finds, in any JSON', () => {
    const key = fc.oneof(fc.constantFrom('data', 'a"b', 'a\\', '', '{'), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 })), fc.constantFrom(0, 1, '\t'), (object, indent) => {
        const text = JSON.stringify(object, undefined, indent);
        for (const name of [...Object.keys(object), 'data']) {
          const found = memberText(text, name);
          expect(found === undefined ? undefined : JSON.parse(found)).toEqual(JSON.parse(text)[name]);
        }
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('refuses what is nested too deeply', () => {
    const nested = (depth: number): string => `{"data":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(memberText(nested(1000), 'data', DEPTH_MAX)).toHaveLength(2000);
    expect(() => memberText(nested(1001), 'data', DEPTH_MAX)).toThrow(RangeError);
  });
});

describe('arrayTexts', () => {
  it('[F9] gives each item as it is written', () => {
    expect(arrayTexts(' [ 1.00 ,"],[\\"",{"a":[1,{}]}\n, null]')).toEqual(['1.00', '"],[\\""', '{"a":[1,{}]}', 'null']);
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, ' ', '\t'), (items, indent) => {
        expect(arrayTexts(JSON.stringify(items, null, indent)).map((text) => JSON.parse(text))).toEqual(
          items.map((item) => JSON.parse(JSON.stringify(item))),
        );
      }),
    );
  });
});

describe('changedNumber', () => {
  it.each([
    '9007199254740993',
    '12345678901234567890',
    '1e400',
    '-1e400',
    '-0',
    '-0.0',
    '0.12345678901234567890',
    '1e-400',
    '1.00000000000000000001',
  ])('is %s', (number) => {
    expect(changedNumber(`{"a":[1,{"b":${number}}]}`)).toBe(number);
  });

  it.each([
    '9007199254740992',
    '1E2',
    '1.50',
    '-0.5',
    '0.1',
    '1e21',
    '100000000000000000000',
    '5e-324',
    '0e9',
    '0.30000000000000004',
    '1.7976931348623157e308',
  ])('is none with %s', (number) => {
    expect(changedNumber(`{"a":[1,{"b":${number}}]}`)).toBeUndefined();
  });

  it('is no text of digits', () => {
    expect(changedNumber('{"id":"12345678901234567890","t":"1e400 -0"}')).toBeUndefined();
  });

  it('is none in what JavaScript wrote', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(changedNumber(JSON.stringify([value]))).toBeUndefined();
      }),
      { seed: 4 },
    );
  });
});
