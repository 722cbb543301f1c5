import { advice, broken, type Check, type Finding, holds, type Patient } from '../check.ts';
import { openSocket, type PublicSocket, SocketRefused } from '../public-socket.ts';

const ANSWER_MS = 10_000;

/** The way of people's browsers: the API and a WebSocket through `PUBLIC_URL`, also one that is silent. */
export const publicPath: Check = {
  name: 'public path',
  async run(patient) {
    const { publicUrl } = patient.config;
    if (publicUrl === undefined)
      return [advice('PUBLIC_URL is not set: the way through the proxy was not tried.', 'Set PUBLIC_URL to the address in browsers.')];
    const findings = [await askApi(publicUrl)];
    try {
      const socket = await openSocket(publicUrl, patient.config);
      findings.push(...(await beSilent(publicUrl, socket, patient)));
    } catch (error) {
      if (!(error instanceof SocketRefused)) throw error;
      findings.push(broken(`A WebSocket through ${publicUrl} is not made: ${error.message}.`, error.todo));
    }
    return findings;
  },
};

async function askApi(publicUrl: string): Promise<Finding> {
  const url = `${publicUrl}/api/v1/online`;
  const todo = 'Send everything below PUBLIC_URL that is no WebSocket to the API (deploy/nginx, deploy/haproxy).';
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'error' });
    await answer.text();
    const isOurs = answer.headers.has('x-request-id');
    if (answer.ok && isOurs) return holds(`${url} answers.`);
    return broken(`${url} answers ${answer.status}${answer.ok ? ', but that is not the API' : ''}.`, todo);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return broken(
      `${url} does not answer: ${cause instanceof Error ? cause.message : String(cause)}.`,
      `Start the proxy, or correct PUBLIC_URL. ${todo}`,
    );
  }
}

/** Sends nothing for a while, then asks. The hub's own pings keep a good way open. */
async function beSilent(publicUrl: string, socket: PublicSocket, { idleSeconds }: Patient): Promise<Finding[]> {
  const started = performance.now();
  const ended = await socket.silentFor(idleSeconds * 1000);
  if (ended !== undefined) {
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    return [
      broken(
        `A silent WebSocket through ${publicUrl} was ended after ${seconds} s (${ended}).`,
        `Let the proxy wait longer than HEARTBEAT_SECONDS for a silent WebSocket: proxy_read_timeout (nginx), timeout tunnel (HAProxy).`,
      ),
    ];
  }
  return (await socket.answers())
    ? [holds(`A WebSocket through ${publicUrl} is made, and answers after ${idleSeconds} s of silence.`)]
    : [
        broken(
          `A WebSocket through ${publicUrl} no longer answers after ${idleSeconds} s of silence.`,
          'Look for a firewall or balancer that forgets silent connections.',
        ),
      ];
}
