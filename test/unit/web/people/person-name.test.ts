import { expect, it } from 'vitest';
import { en } from '#services/web/src/i18n/en.ts';
import { zh } from '#services/web/src/i18n/zh.ts';
import { plainName } from '#services/web/src/people/person-name.tsx';

it.each([
  [{ name: 'Bob', kind: 'guest' }, '[guest] Bob'],
  [{ name: 'Bob', kind: 'agent' }, '[agent] Bob'],
  [{ name: 'Bob', kind: 'user' }, 'Bob'],
  [{ name: 'Bob' }, 'Bob'],
  [{ name: 'Bob', kind: 'constructor' }, 'Bob'],
  [{ name: '[agent] Bob', kind: 'user' }, '(agent) Bob'],
  [{ name: '[agent] Bob', kind: 'guest' }, '[guest] (agent) Bob'],
])('tells who somebody is where text is plain, and no name tells it: %j', (person, told) => {
  expect(plainName(person, en.kinds)).toBe(told);
});

it('has the room behind the name, and the words of the page', () => {
  expect(plainName({ name: 'Bob', kind: 'guest' }, zh.kinds, '[x]')).toBe('[访客] Bob · (x)');
});
