import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Its page imports the package by name, as a site without a bundler does. */
const PAGE = `<!doctype html><html lang="en"><title>Program</title>
<script type="importmap">{"imports":{"@parley/client":"/client/index.js"}}</script><p id="loading" hidden></p></html>`;
/** Workers have no import map. */
const WORKER = `import { run } from '/program.js?in=worker';
onmessage = ({ data }) => run(data, (line) => postMessage(line));`;

/**
 * A site that serves the built client package and a program `program.js` in `folder` that imports
 * it.
 */
export class PackageSite {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(folder: string): Promise<PackageSite> {
    const server = createServer(({ url = '/' }, response) => {
      const script = (text: string): unknown => response.setHeader('content-type', 'text/javascript').end(text);
      const program = (): string => readFileSync(join(folder, 'program.js'), 'utf8');
      if (url === '/client/index.js') script(readFileSync(join(folder, 'node_modules', '@parley', 'client', 'index.js'), 'utf8'));
      else if (url === '/worker.js') script(WORKER);
      else if (url === '/program.js?in=worker') script(program().replaceAll(`'@parley/client'`, `'/client/index.js'`));
      else if (url === '/program.js') script(program());
      else response.setHeader('content-type', 'text/html').end(PAGE);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PackageSite(server);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
