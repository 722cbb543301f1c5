import { describe, expect, it } from 'vitest';
import { clientAddress } from '#services/gateway/client-address.ts';

describe('the address of a client', () => {
  it.each([
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
    ['0000:0000:0000:0000:0000:ffff:c0a8:0a63', '192.168.10.99'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:0db8:0000:0000:0000:0000:0000:0001'],
    ['127.0.0.1', '127.0.0.1'],
  ])('%s is %s', (remote, address) => {
    expect(clientAddress(remote, '', 0)).toBe(address);
    expect(clientAddress(remote, '', 1)).toBe(address);
    expect(clientAddress(remote, '9.9.9.9', 0)).toBe(address);
  });

  it('is what the trusted proxies say, counted from the end', () => {
    const remote = '0000:0000:0000:0000:0000:ffff:7f00:0001';
    expect(clientAddress(remote, 'spoofed, 1.2.3.4', 1)).toBe('1.2.3.4');
    expect(clientAddress(remote, 'spoofed, 1.2.3.4, 5.6.7.8', 2)).toBe('1.2.3.4');
  });
});
