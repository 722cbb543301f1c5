import type { ApiInstance, JsonAnswer } from './api-instance.ts';

/** Somebody's browser: its address, and the cookies it was given. */
export class Visitor {
  /** Its address. */
  from: string;
  readonly #cookies = new Map<string, string>();

  constructor(from: string) {
    this.from = from;
  }

  /** The `Set-Cookie` line of each cookie that was set. */
  readonly lines = new Map<string, string>();

  has(cookie: string): boolean {
    return this.#cookies.has(cookie);
  }

  async post(api: ApiInstance, path: string, body: object): Promise<JsonAnswer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await api.post(path, body, cookie === '' ? {} : { cookie }, this.from);
    for (const set of [answer.headers['set-cookie'] ?? []].flat().map(String)) {
      this.lines.set(set.slice(0, set.indexOf('=')), set);
      const [name = '', value = ''] = set.split(';')[0]?.split('=') ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }

  /** Asks for a code and reads the mail of the API that was asked. */
  async code(api: ApiInstance, account: string): Promise<string> {
    const { status } = await this.post(api, '/auth/code', { account });
    if (status !== 202) throw new Error(`no code was mailed: ${status}`);
    return api.mails.at(-1)?.code ?? '';
  }
}
