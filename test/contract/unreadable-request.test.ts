import { describe, expect, it, onTestFinished } from 'vitest';
import { ApiDoor } from '#test/support/api-door.ts';
import { ApiWorld } from '#test/support/api-world.ts';
import { exchange, parseAnswer } from '#test/support/raw-exchange.ts';

const HOST = 'Host: chat.test\r\nConnection: close\r\n\r\n';

describe('every answer of the API’s own port', () => {
  it.each([
    ['a line that is no header', 'GET / HTTP/1.1\r\nbad line\r\n\r\n', 400],
    ['a head that is too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n${HOST}`, 431],
    ['a method that the parser does not know', `BREW / HTTP/1.1\r\n${HOST}`, 405],
    ['a tunnel', `CONNECT chat.test:443 HTTP/1.1\r\n${HOST}`, 405],
    ['an address that cannot be decoded', `GET /%zz HTTP/1.1\r\n${HOST}`, 400],
    ['no host', 'GET /api/v1/online HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['another protocol', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['an expectation', `GET /api/v1/online HTTP/1.1\r\nExpect: wonders\r\n${HOST}`, 200],
    ['a request of HTTP/1.0', 'GET /api/v1/online HTTP/1.0\r\n\r\n', 200],
  ])('[A1] [H9] to %s has its name, and is for TLS alone', async (_what, text, status) => {
    const { app } = new ApiWorld({ publicUrl: 'https://chat.test' });
    const door = await ApiDoor.open(app, 'own');
    onTestFinished(() => door.close());
    const answer = parseAnswer(await exchange(door.port, text));
    const { headers } = answer;
    expect(answer.status).toBe(status);
    expect(headers).toMatchObject({
      'strict-transport-security': 'max-age=15552000',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const body = JSON.parse(answer.body) as { requestId?: string };
    if (status !== 200) expect(body.requestId).toBe(headers['x-request-id']);
  });
});
