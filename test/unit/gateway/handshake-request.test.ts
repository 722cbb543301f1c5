import { describe, expect, it } from 'vitest';
import { parseProtocols } from '#libs/auth/token-source.ts';
import { withoutBase } from '#libs/config/public-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { askedHost, isSocketPath, isSocketPathBelow, parseHandshake, type RawHandshake } from '#services/gateway/handshake-request.ts';

function raw(part: Partial<RawHandshake>): RawHandshake {
  return {
    path: '/ws/chat',
    query: '',
    authorization: '',
    protocols: parseProtocols(''),
    origin: '',
    host: 'chat.test:8080',
    forwardedFor: '',
    forwardedHost: '',
    key: 'k',
    extensions: '',
    ...part,
  };
}

describe('parseHandshake', () => {
  it('[H1] knows its four paths', () => {
    expect(parseHandshake(raw({})).firstJoin).toBeUndefined();
    expect(parseHandshake(raw({ path: '/chat/park' }))).toMatchObject({ firstJoin: { room: 'park', since: undefined } });
    expect(parseHandshake(raw({ path: '/chat/a%3Ab/tok' }))).toMatchObject({ token: 'tok', firstJoin: { room: 'a:b' } });
    expect(parseHandshake(raw({ path: '/websocket/tok' }))).toMatchObject({ token: 'tok', firstJoin: undefined });
  });

  it('[H1] takes a position and a session from the query', () => {
    const session = '3D1F58E4-2F3F-4A54-9A4B-0C6F7D5B1A20';
    const parsed = parseHandshake(raw({ path: '/chat/park', query: `epoch=e1&offset=7&session=${session}` }));
    expect(parsed).toMatchObject({ session: session.toLowerCase(), firstJoin: { since: { epoch: 'e1', offset: 7 } } });
  });

  it.each([
    { path: '/ws/chat/more' },
    { path: '/chat/' },
    { path: '/chat/a b' },
    { path: '/chat/a%20b' },
    { path: '/chat/%' },
    { path: '/chat/park/t/more' },
    { path: '/websocket/' },
    { path: '/elsewhere' },
    { query: 'session=me' },
    { path: '/chat/park', query: 'epoch=e' },
    { path: '/chat/park', query: 'epoch=e&offset=-1' },
  ])('[H4] refuses %j with INVALID_REQUEST', (part) => {
    expect(() => parseHandshake(raw(part))).toThrow(expect.objectContaining({ constructor: HubError, code: 'INVALID_REQUEST' }));
  });

  it('tells its paths from those of HTTP', () => {
    expect(['/ws/chat', '/chat/x', '/websocket/t', '/', '/ws', '/api/v1/online'].map(isSocketPath)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('below a path of PUBLIC_URL', () => {
  it('[H8] knows its paths whether or not a proxy took the prefix off', () => {
    const socketPath = (path: string, base: string) => withoutBase(path, base, isSocketPath);
    expect(socketPath('/chat/ws/chat', '/chat')).toBe('/ws/chat');
    expect(socketPath('/ws/chat', '/chat')).toBe('/ws/chat');
    expect(socketPath('/chat/websocket/tok', '/chat')).toBe('/websocket/tok');
    expect(socketPath('/chat/chat/park', '/chat')).toBe('/chat/park');
    expect(socketPath('/chat/park', '/chat')).toBe('/chat/park');
    expect(socketPath('/ws/ws/chat', '/ws')).toBe('/ws/chat');
    expect(socketPath('/ws/chat', '/ws')).toBe('/ws/chat');
    expect(socketPath('/a/b/ws/chat', '/a/b')).toBe('/ws/chat');
    expect(socketPath('/chats/ws/chat', '/chat')).toBe('/chats/ws/chat');
  });

  it('[H8] a page under /chat is no room', () => {
    expect(['/chat/', '/chat/agent', '/chat/assets/a.js', '/chat'].map((path) => isSocketPathBelow('/chat', path))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(['/chat/ws/chat', '/chat/chat/park', '/ws/chat'].map((path) => isSocketPathBelow('/chat', path))).toEqual([true, true, true]);
    expect(isSocketPathBelow('', '/chat/park')).toBe(true);
  });
});

describe('askedHost', () => {
  it('[H7] believes X-Forwarded-Host only where there is a proxy', () => {
    const request = raw({ host: '127.0.0.1:8080', forwardedHost: 'evil.test, chat.test' });
    expect(askedHost(request, 0)).toBe('127.0.0.1:8080');
    expect(askedHost(request, 1)).toBe('chat.test');
    expect(askedHost(raw({ forwardedHost: '' }), 1)).toBe('chat.test:8080');
  });
});
