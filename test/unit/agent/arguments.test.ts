import { describe, expect, it } from 'vitest';
import { AgentError } from '#services/agent/add-agent.ts';
import { askedFor } from '#services/agent/arguments.ts';

describe('the arguments of npm run agent', () => {
  it('[A6] are a command, and a name except for the list', () => {
    expect(askedFor(['add', 'Night Desk'])).toEqual({ command: 'add', name: 'Night Desk' });
    expect(askedFor(['reset', 'Ida'])).toEqual({ command: 'reset', name: 'Ida' });
    expect(askedFor(['remove', 'Ida'])).toEqual({ command: 'remove', name: 'Ida' });
    expect(askedFor(['list'])).toEqual({ command: 'list', name: '' });
    expect(askedFor(['add', '--', '--Ida'])).toEqual({ command: 'add', name: '--Ida' });
  });

  it.each([
    [[], 'usage: npm run agent -- add NAME, npm run agent -- list, npm run agent -- reset NAME, npm run agent -- remove NAME'],
    [['add'], 'a name is missing. Usage: npm run agent -- add NAME'],
    [['remove'], 'a name is missing. Usage: npm run agent -- remove NAME'],
    [['add', 'a', 'b'], 'one name at a time. A name with spaces needs quotes: npm run agent -- add "a b"'],
    [['delete', 'Ida'], 'there is no command delete of this form. Usage: npm run agent'],
    [['list', 'Ida'], 'there is no command list of this form. Usage: npm run agent'],
    [['list', '--all'], 'there are no options. Usage: npm run agent'],
  ])('[A6] %j are refused with what to do', (args, told) => {
    expect(() => askedFor(args)).toThrow(AgentError);
    expect(() => askedFor(args)).toThrow(told);
  });
});
