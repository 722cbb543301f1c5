/* Parley's widget: <script src="https://hub/widget.js" data-channel="shop" async></script>. Also: data-lang="en", data-label="Chat with us". */
(() => {
  const script = document.currentScript;
  if (!script || window.parleyWidget) return;
  window.parleyWidget = true;
  // The oldest browsers that the chat runs in know this, as the browsers before them do not.
  if (!CSS.supports('color:lch(0 0 0)')) return console.error('Parley: this browser is too old.');
  const base = new URL('.', script.src);
  const hub = base.origin;
  const { channel = location.host, lang = document.documentElement.lang || navigator.language, label } = script.dataset;
  // By language: the build writes them.
  const titles = TITLES;
  const title = label || titles[lang.split('-')[0].toLowerCase()] || titles.en;
  const page = location.origin + location.pathname;

  // What is kept: whether the panel is open in this tab, whether there is a conversation, and what the frame may not keep itself (nothing
  // secret). Storage may be forbidden.
  const kept = (area, key, value) => {
    try {
      if (value === undefined) return window[area].getItem(`parley.${key}`) || '';
      window[area].setItem(`parley.${key}`, value);
    } catch {}
    return '';
  };

  const host = document.createElement('parley-widget');
  const root = host.attachShadow({ mode: 'open' });
  const style = new CSSStyleSheet();
  style.replaceSync(
    ':host{all:initial}button,iframe{position:fixed;right:16px;z-index:2147483000;border:0}' +
      'button{bottom:16px;width:56px;height:56px;padding:14px;border-radius:50%;background:#2f7d5b;color:#fff;font:inherit;cursor:pointer;box-shadow:0 3px 14px #0006}' +
      'button:focus-visible{outline:3px solid #fff;box-shadow:0 0 0 6px #2f7d5b}svg{display:block;fill:currentColor}' +
      'b{position:absolute;top:-4px;right:-4px;min-width:1.7em;box-sizing:border-box;padding:0 6px;border-radius:99px;background:#b3261e;font:700 .8125em/1.7 system-ui,sans-serif}' +
      'iframe{bottom:84px;width:min(23.75em,100vw - 32px);height:min(37.5em,100dvh - 100px);border-radius:14px;box-shadow:0 6px 30px #0005}[hidden]{display:none}' +
      '@media(max-width:30em){iframe{inset:0;width:100%;height:100dvh;border-radius:0}[aria-expanded=true]{display:none}}',
  );
  root.adoptedStyleSheets = [style];

  const button = root.appendChild(document.createElement('button'));
  button.type = 'button';
  const svg = button.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'svg'));
  svg.setAttribute('viewBox', '4 6 56 53');
  svg.setAttribute('aria-hidden', 'true');
  const path = svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
  path.setAttribute('d', 'M12 6h40a8 8 0 0 1 8 8v26a8 8 0 0 1-8 8H30L17 59a2 2 0 0 1-3-2v-9h-2a8 8 0 0 1-8-8V14a8 8 0 0 1 8-8z');
  const badge = button.appendChild(document.createElement('b'));
  let frame;
  let open = false;
  let ready = false;
  let turn = 0;

  // Only who opened it is taken there: a panel that was open on the page before leaves the focus where it is.
  let asked = false;
  const tell = () => {
    if (!ready) return;
    const known = kept('localStorage', `kept.${channel}`) || undefined;
    if (asked) frame.focus();
    frame.contentWindow.postMessage({ parley: 'shown', open, focus: asked, page, kept: known, turn }, hub);
    asked = false;
  };
  // The page of the widget says so before it is loaded. Its `frame-ancestors` forbids all other sites to show it.
  const giveUp = () => {
    if (ready) return;
    host.remove();
    console.error(`Parley: ${hub} does not show its chat on ${location.origin}. Add it to its ALLOWED_ORIGINS.`);
  };
  const load = () => {
    if (frame) return;
    frame = document.createElement('iframe');
    frame.title = title;
    frame.hidden = true;
    frame.addEventListener('load', () => setTimeout(giveUp, 2000));
    frame.src = `${base.href}widget.html?${new URLSearchParams({ channel, lang })}`;
    root.append(frame);
  };
  const unread = (count) => {
    badge.textContent = count;
    badge.hidden = !count;
    button.setAttribute('aria-label', count ? `${title} (${count})` : title);
  };
  const show = (now) => {
    open = now;
    load();
    frame.hidden = !open || !ready;
    button.setAttribute('aria-expanded', open);
    kept('sessionStorage', 'open', open ? 'yes' : '');
    tell();
  };

  button.addEventListener('click', () => {
    asked = !open;
    show(!open);
  });
  addEventListener('message', ({ origin, source, data }) => {
    if (origin !== hub || source !== frame?.contentWindow || !data) return;
    if (data.parley === 'ready') {
      ready = true;
      frame.hidden = !open;
      tell();
    }
    if (data.parley === 'close') {
      show(false);
      button.focus();
    }
    if (data.parley === 'keep') {
      turn = data.turn;
      kept('localStorage', `kept.${channel}`, String(data.kept));
    }
    if (data.parley === 'state') {
      unread(Number(data.unread) || 0);
      kept('localStorage', 'active', data.active ? 'yes' : '');
    }
  });
  // From another tab.
  addEventListener('storage', ({ key }) => key === `parley.kept.${channel}` && tell());
  const begin = () => {
    document.body.append(host);
    unread(0);
    if (kept('sessionStorage', 'open')) show(true);
    else if (kept('localStorage', 'active')) load();
  };
  if (document.body) begin();
  else addEventListener('DOMContentLoaded', begin);
})();
