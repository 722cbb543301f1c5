import { ParleyClient } from '#libs/client/index.ts';
import { browserTimers } from '../conversation/timers.ts';
import { BrowserLogin } from '../login/browser-login.ts';
import { hubApi } from '../login/hub-api.ts';
import { hubUrl, socketUrl } from '../login/hub-url.ts';
import { cookieSuffix, hasLogin } from '../login/login-hint.ts';
import { Notifier } from '../notify/notifier.ts';
import { renderPage } from '../ui/render-page.tsx';
import { AgentPage } from './agent-page.tsx';
import { Workbench } from './workbench.ts';

/** How often the queue is asked for, milliseconds: nobody is told of it. Also while the page is hidden: its title and its notifications tell of it. */
const REFRESH_MS = 5_000;

/** The login is an agent's: it has a cookie beside that of the chat. */
const AGENT = { kind: 'agent' };

const login = new BrowserLogin({
  api: hubApi(fetch.bind(globalThis), hubUrl('api/v1')),
  renewal: () => (hasLogin(document.cookie, 'parley_agent_in', cookieSuffix()) ? { path: '/auth/refresh', body: AGENT } : undefined),
  ending: AGENT,
  lock: 'parley.agent',
  locks: navigator.locks,
});

const visible = () => document.visibilityState === 'visible';

const bench = new Workbench({
  login,
  connect: () => new ParleyClient({ url: socketUrl(), getToken: login.getToken, delivered: 'manual' }),
  marks: localStorage,
  timers: browserTimers,
  visible,
});

const notifier = new Notifier(globalThis.Notification);

document.addEventListener('visibilitychange', () => visible() && bench.shown());
setInterval(() => void bench.refresh(), REFRESH_MS);
void bench.start();
await renderPage(<AgentPage bench={bench} notifier={notifier} visible={visible} />);
