import { describe, expect, it } from 'vitest';
import { hubUrl, socketUrl } from '#services/web/src/login/hub-api.ts';

describe('where the hub of a page is', () => {
  it.each([
    ['https://x.test/', 'https://x.test/'],
    ['https://x.test/agent', 'https://x.test/'],
    ['https://x.test/chat/', 'https://x.test/chat/'],
    ['https://x.test/chat/agent?a=/b#/c', 'https://x.test/chat/'],
    ['http://x.test:81/a/b/widget.html?channel=shop', 'http://x.test:81/a/b/'],
  ])('[H8] beside %s', (href, root) => {
    expect(hubUrl('api/v1', { href })).toBe(`${root}api/v1`);
    expect(socketUrl({ href })).toBe(`${root.replace('http', 'ws')}ws/chat`);
  });
});
