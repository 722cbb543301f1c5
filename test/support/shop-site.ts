import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Another site, on `localhost`. For a browser that is another site than `127.0.0.1`, which hubs of
 * tests use.
 */
export class ShopSite {
  readonly origin: string;
  /** The body of its pages. */
  body = '';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<ShopSite> {
    let site: ShopSite | undefined;
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      // As strict as a site with an embedded widget can be.
      const hub = /src="(http:\/\/[^/]+)\//.exec(site?.body ?? '')?.[1] ?? '';
      response.setHeader(
        'content-security-policy',
        `default-src 'none'; script-src ${hub}; frame-src ${hub}; require-trusted-types-for 'script'`,
      );
      response.end(
        `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title><main><h1>Shop</h1><p>Things to buy.</p></main>${site?.body}</html>`,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    site = new ShopSite(server);
    return site;
  }

  /** Embeds the widget of a hub in its pages, as the README describes. */
  embed(hubUrl: string, attributes = 'data-channel="shop"'): void {
    this.body = `<script src="${hubUrl}/widget.js" ${attributes} async></script>`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
