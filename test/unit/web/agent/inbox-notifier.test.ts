import { expect, it } from 'vitest';

import { InboxNotifier, type News } from '#services/web/src/agent/inbox-notifier.ts';
import type { Conversation, InboxEntry } from '#services/web/src/agent/workbench-view.ts';

const conversation = (name: string): Conversation => ({
  room: `conv:${name}`,
  state: 'assigned',
  subject: `about ${name}`,
  customer: { id: name, name, kind: 'customer' },
  createdAt: 1,
});

function entry(name: string, ...unread: readonly string[]): InboxEntry {
  return { conversation: conversation(name), unread: unread.length, last: unread.at(-1), typing: undefined };
}

function begin(visible: boolean) {
  const page = { visible };
  const told: News[] = [];
  const inboxNotifier = new InboxNotifier({ visible: () => page.visible, notify: (news) => told.push(news) });
  const look = (mine: readonly InboxEntry[], waiting: readonly Conversation[] = []) =>
    inboxNotifier.update({ phase: 'inbox', mine, waiting });
  return { page, inboxNotifier, look, told: () => told.splice(0).map(({ customer, text }) => `${customer.name}: ${text}`) };
}

it('tells nothing while the page is looked at', () => {
  const { look, told } = begin(true);
  look([entry('Ann', 'hello')], [conversation('Ben')]);
  look([entry('Ann', 'hello', 'again')], [conversation('Ben'), conversation('Cem')]);
  expect(told()).toEqual([]);
});

it('tells once what customers say, what begins to wait, and what becomes mine while it is hidden', () => {
  const { page, look, told } = begin(true);
  look([entry('Ann', 'hello')]);
  page.visible = false;
  look([entry('Ann', 'hello')]);
  expect(told()).toEqual([]);
  look([entry('Ann', 'hello', 'are you there?')]);
  look([entry('Ann', 'hello', 'are you there?')]);
  expect(told()).toEqual(['Ann: are you there?']);
  look([entry('Ann', 'hello', 'are you there?')], [conversation('Ben')]);
  look([entry('Ann', 'hello', 'are you there?'), entry('Ben')]);
  look([entry('Ann', 'hello', 'are you there?'), entry('Ben', 'hi')]);
  expect(told()).toEqual(['Ben: about Ben', 'Ben: about Ben', 'Ben: hi']);
  // Read elsewhere, and then something new.
  look([entry('Ann'), entry('Ben', 'hi')]);
  look([entry('Ann', 'well?'), entry('Ben', 'hi')]);
  expect(told()).toEqual(['Ann: well?']);
});

it('tells nothing of what was there before anybody looked, nor after the agent left', () => {
  const { page, inboxNotifier, look, told } = begin(false);
  look([entry('Ann', 'hello')], [conversation('Ben')]);
  page.visible = true;
  look([entry('Ann', 'hello')], [conversation('Ben')]);
  page.visible = false;
  inboxNotifier.update({ phase: 'login', mine: [], waiting: [] });
  look([entry('Ann', 'hello')], [conversation('Ben')]);
  expect(told()).toEqual([]);
});
