import './widget.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { randomUuid } from '#libs/client/client-options.ts';
import { ParleyClient } from '#libs/client/index.ts';
import { unsentOf } from '../conversation/page-unsent.ts';
import { browserTimers } from '../conversation/timers.ts';
import { LanguageProvider } from '../i18n/language.tsx';
import { chosenLanguage, loadLanguage } from '../i18n/languages.ts';
import { BrowserLogin, cookieSuffix, hasLogin } from '../login/browser-login.ts';
import { hubApi, hubUrl, socketUrl } from '../login/hub-api.ts';
import { browserStorage, ownStorage } from '../storage/browser-storage.ts';
import { CustomerChat } from './customer-chat.ts';
import { CustomerMemory } from './customer-memory.ts';
import { HostPage } from './host-page.ts';
import { WidgetPage } from './widget-page.tsx';

const LOCK = 'parley.customer';

/** Starts the widget. Other people's sites load it, so it is small: React and the client only. */
async function start(root: HTMLElement): Promise<void> {
  const asked = new URLSearchParams(location.search);
  const channel = asked.get('channel') ?? location.host;
  let open = window.parent === window;
  /** On a page of its own, the customer came to write. */
  let focus = open;
  let see: () => void = () => undefined;
  let changed: () => void = () => undefined;
  const host = new HostPage({
    window,
    onShown: (now, wanted) => {
      open = now;
      focus = wanted;
      see();
    },
    onStorageChange: () => changed(),
  });
  const own = ownStorage(() => localStorage);
  if (own === undefined && host.embedded) await host.known;
  const keep = own === undefined ? host.storage : browserStorage;
  const language = chosenLanguage(keep, [asked.get('lang') ?? '', ...navigator.languages]);
  const memory = new CustomerMemory(keep, channel, cookieSuffix(), own);
  const hasCookie = () => hasLogin(document.cookie, 'parley_customer_in', cookieSuffix());
  /** The secret of the last renewal. Undefined if the cookie has it. */
  let sent: string | undefined;
  const login = new BrowserLogin({
    api: hubApi(fetch.bind(globalThis), hubUrl('api/v1')),
    renewal: () => {
      if (memory.customer === undefined) return undefined;
      sent = hasCookie() ? undefined : memory.secret;
      return { path: '/customers/token', body: { customerId: memory.customer.id, channel, refresh: sent } };
    },
    onSecret: (refresh) => {
      if (hasCookie()) memory.keepSecret(undefined);
      // Otherwise another tab has stored a newer one meanwhile.
      else if (memory.secret === sent) memory.keepSecret(refresh);
    },
    lock: LOCK,
    locks: navigator.locks,
  });
  const chat = new CustomerChat({
    login,
    memory,
    channel,
    metadata: () => ({ language, ...(host.page === undefined ? {} : { page: host.page }) }),
    connect: () => new ParleyClient({ url: socketUrl(), getToken: login.getToken, delivered: 'manual' }),
    timers: browserTimers,
    unsentOf: (owner) => unsentOf({ page: 'customer', owner, fallback: host.embedded ? host.storage : undefined }),
    uuid: randomUuid,
  });
  chat.view.subscribe(({ unread, conversation }) =>
    host.report({ unread, active: conversation !== undefined && conversation.state !== 'closed' }),
  );
  see = () => chat.setVisible(open && document.visibilityState === 'visible', open && focus);
  document.addEventListener('visibilitychange', () => see());
  // The event only reaches the other tabs.
  changed = () => void chat.followOtherTab();
  addEventListener('storage', () => changed());
  see();
  void chat.start();
  const first = await loadLanguage(language);
  createRoot(root).render(
    <StrictMode>
      <LanguageProvider first={first}>
        <WidgetPage chat={chat} onClose={host.embedded ? () => host.close() : undefined} />
      </LanguageProvider>
    </StrictMode>,
  );
}

const root = document.getElementById('root');
if (root === null) throw new TypeError('The page has no #root.');
void start(root);
