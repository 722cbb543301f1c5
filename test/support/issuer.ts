import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const PSS_PADDING = 6;

/** A key pair. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes an RSA key pair. */
export const rsaPair = (): KeyPair => generateKeyPairSync('rsa', { modulusLength: 2048 });
/** Makes a P-256 key pair. */
export const ecPair = (): KeyPair => generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** Makes an Ed25519 key pair. */
export const edPair = (): KeyPair => generateKeyPairSync('ed25519');

/** Returns a public key as a member of a key set. */
export function publicJwk({ publicKey }: KeyPair, kid?: string, extra: object = {}): object {
  return { ...publicKey.export({ format: 'jwk' }), ...(kid === undefined ? {} : { kid }), ...extra };
}

function signingInput(header: object, claims: unknown): string {
  const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${Buffer.from(text).toString('base64url')}`;
}

/**
 * Signs any header and claims with a secret, also improper ones that a library would refuse. Claims
 * that are a string stay unchanged.
 */
export function forgeWithSecret(header: object, claims: unknown, secret: string | Buffer): string {
  const input = signingInput(header, claims);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** Signs any header and claims with a private key, by the header's `alg` if possible. */
export function forgeWithKey(header: Readonly<Record<string, unknown>>, claims: unknown, { privateKey: key }: KeyPair): string {
  const input = signingInput(header, claims);
  const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const padding = header.alg === 'PS256' ? { padding: PSS_PADDING, saltLength: 32 } : {};
  return `${input}.${sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...padding }).toString('base64url')}`;
}

/** Makes a token without a signature. */
export function forgeUnsigned(header: object, claims: unknown): string {
  return `${signingInput(header, claims)}.`;
}

/** An HTTP server on the loopback that publishes a key set. It can fail, wait and count. */
export class Issuer {
  /** The members of the set. */
  keys: object[];
  status = 200;
  /** Replaces the set in the answer. */
  body: string | undefined;
  /** The requested paths, oldest first. */
  readonly requests: string[] = [];
  readonly #server: Server;
  #held: (() => void)[] | undefined;

  private constructor(keys: object[]) {
    this.keys = keys;
    const answer: RequestListener = (request, response) => {
      this.requests.push(request.url ?? '');
      const send = (): void => {
        response
          .writeHead(this.status, { 'content-type': 'application/json', location: '/elsewhere' })
          .end(this.body ?? JSON.stringify({ keys: this.keys }));
      };
      if (this.#held) this.#held.push(send);
      else send();
    };
    this.#server = createServer(answer);
  }

  static async start(keys: object[]): Promise<Issuer> {
    const issuer = new Issuer(keys);
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/keys`;
  }

  /** Holds all answers until `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
