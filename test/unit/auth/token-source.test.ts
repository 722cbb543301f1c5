import { describe, expect, it } from 'vitest';
import { findToken, parseProtocols } from '#libs/auth/token-source.ts';

describe('finding the token', () => {
  const everywhere = {
    authorization: 'Bearer from-header',
    protocol: 'from-protocol',
    pathSegment: 'from-path',
    query: 'a=1&token=from-query',
  };

  it('[H2] looks in the header, the subprotocol, the path and the query, in this order', () => {
    expect(findToken(everywhere)).toBe('from-header');
    expect(findToken({ ...everywhere, authorization: '' })).toBe('from-protocol');
    expect(findToken({ ...everywhere, authorization: '', protocol: undefined })).toBe('from-path');
    expect(findToken({ query: everywhere.query })).toBe('from-query');
    expect(findToken({})).toBeUndefined();
    expect(findToken({ authorization: '', protocol: '', pathSegment: '', query: '' })).toBeUndefined();
  });

  it('[H2] takes the scheme in any case, and passes over other schemes and an empty one', () => {
    expect(findToken({ authorization: 'bEARER   x.y.z ' })).toBe('x.y.z');
    for (const authorization of ['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearerx.y.z', 'x.y.z']) {
      expect(findToken({ ...everywhere, authorization })).toBe('from-protocol');
    }
  });

  it('[H2] reads only a query parameter that is called token and holds something', () => {
    expect(findToken({ query: 'token=&xtoken=no&token=yes&token=later' })).toBe('yes');
    expect(findToken({ query: 'mytoken=no' })).toBeUndefined();
    expect(findToken({ query: 'token' })).toBeUndefined();
    expect(findToken({ query: 'token=a%2Eb%2Ec' })).toBe('a.b.c');
  });

  it('[H2] keeps a broken percent-encoding as it is', () => {
    expect(findToken({ pathSegment: '%zz' })).toBe('%zz');
    expect(findToken({ query: 'token=%' })).toBe('%');
  });
});

describe('Sec-WebSocket-Protocol', () => {
  it('[H2] echoes parley.v1 and finds the bearer entry wherever it stands', () => {
    expect(parseProtocols('parley.v1, bearer.a.b.c')).toEqual({
      selected: 'parley.v1',
      closes: false,
      wantsEvents: false,
      takesBatches: false,
      token: 'a.b.c',
    });
    expect(parseProtocols('bearer.a.b.c,parley.v1')).toEqual({
      selected: 'parley.v1',
      closes: false,
      wantsEvents: false,
      takesBatches: false,
      token: 'a.b.c',
    });
    expect(parseProtocols('bearer.first,bearer.second')).toEqual({
      selected: undefined,
      closes: false,
      wantsEvents: false,
      takesBatches: false,
      token: 'first',
    });
  });

  it('[H5] echoes parley.v1 where both are offered, else the one with +close', () => {
    expect(parseProtocols('parley.v1+close , parley.v1')).toEqual({
      selected: 'parley.v1',
      closes: true,
      wantsEvents: false,
      takesBatches: false,
      token: undefined,
    });
    expect(parseProtocols('parley.v1+close')).toEqual({
      selected: 'parley.v1+close',
      closes: true,
      wantsEvents: false,
      takesBatches: false,
      token: undefined,
    });
  });

  it('[F9] gives arrays of frames to whoever asks for them beside parley.v1', () => {
    expect(parseProtocols('parley.v1.batch, parley.v1')).toMatchObject({ selected: 'parley.v1', wantsEvents: false, takesBatches: true });
    expect(parseProtocols('parley.v1, parley.v1.batch, parley.v1.events')).toMatchObject({ wantsEvents: true, takesBatches: true });
    expect(parseProtocols('parley.v1.batch')).toMatchObject({ selected: undefined, takesBatches: false });
  });

  it('[M7] gives all events to whoever asks for them beside parley.v1', () => {
    const events = { selected: 'parley.v1', closes: false, wantsEvents: true, takesBatches: false, token: undefined };
    expect(parseProtocols('parley.v1, parley.v1.events')).toEqual(events);
    expect(parseProtocols('parley.v1.events,parley.v1')).toEqual(events);
    expect(parseProtocols('parley.v1.events')).toEqual({
      selected: undefined,
      closes: false,
      wantsEvents: false,
      takesBatches: false,
      token: undefined,
    });
  });

  it('[H2] passes over what it does not know', () => {
    for (const header of ['', ',', ' , ,', 'chat', 'bearer.', 'PARLEY.V1', 'Bearer.x', 'parley.v2', 'parley.v1.bearer.x']) {
      expect(parseProtocols(header)).toEqual({
        selected: undefined,
        closes: false,
        wantsEvents: false,
        takesBatches: false,
        token: undefined,
      });
    }
  });
});
