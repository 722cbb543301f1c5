import { describe, expect, it } from 'vitest';
import { addressKey, clientAddress } from '#libs/http/client-address.ts';

const PEER = '0000:0000:0000:0000:0000:ffff:0a00:0001';

describe('the address of a client', () => {
  it.each([
    ['0000:0000:0000:0000:0000:ffff:7f00:0001', '127.0.0.1'],
    ['0000:0000:0000:0000:0000:ffff:c0a8:0a63', '192.168.10.99'],
    ['0000:0000:0000:0000:0000:0000:0000:0001', '::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['fe80::1%eth0', 'fe80::1'],
    ['127.0.0.1', '127.0.0.1'],
    ['', ''],
  ])('of the peer %s is %s', (peer, address) => {
    expect(clientAddress(peer, '', 0)).toBe(address);
    expect(clientAddress(peer, '', 1)).toBe(address);
    expect(clientAddress(peer, '9.9.9.9', 0)).toBe(address);
  });

  it('is what the trusted proxies say, counted from the end', () => {
    expect(clientAddress(PEER, 'spoofed, 1.2.3.4', 1)).toBe('1.2.3.4');
    expect(clientAddress(PEER, '6.6.6.6, 1.2.3.4', 1)).toBe('1.2.3.4');
    expect(clientAddress(PEER, 'spoofed, 1.2.3.4, 5.6.7.8', 2)).toBe('1.2.3.4');
    expect(clientAddress(PEER, '1.2.3.4', 3)).toBe('1.2.3.4');
  });

  it.each([
    ['1.2.3.4:51234', '1.2.3.4'],
    ['[2001:db8::5]:443', '2001:db8::5'],
    ['[2001:DB8:0::5]', '2001:db8::5'],
    ['2001:db8:0:0:0:0:0:5', '2001:db8::5'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    [' \t1.2.3.4\t ', '1.2.3.4'],
    ['9.9.9.9, , 1.2.3.4', '1.2.3.4'],
    ['1.2.3.4,', '1.2.3.4'],
    ['9.9.9.9,1.2.3.4 , ,', '1.2.3.4'],
  ])('reads %j as %s', (forwardedFor, address) => {
    expect(clientAddress(PEER, forwardedFor, 1)).toBe(address);
  });

  it.each([
    'unknown',
    '_hidden',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '010.1.1.1',
    '0x7f.0.0.1',
    '2130706433',
    '1.2.3.4:',
    '1.2.3.4:x',
    '[1',
    '[]',
    '::g',
    ' ',
    ',',
  ])('counts %j, which is none, as the peer itself', (entry) => {
    expect(clientAddress(PEER, entry, 1)).toBe('10.0.0.1');
    expect(clientAddress(PEER, `9.9.9.9, ${entry}, 8.8.8.8`, 2)).toBe(/^[ ,]+$/.test(entry) ? '9.9.9.9' : '10.0.0.1');
  });
});

describe('what limits by address go by', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('of %s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });
});
