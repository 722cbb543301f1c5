/**
 * Where the hub is that a page came from. Its pages stand beside each other at its root, `/` or the path of `PUBLIC_URL`.
 *
 * @param path relative to that root, such as `api/v1/online`
 */
export function hubUrl(path: string, page: Pick<Location, 'href'> = location): string {
  return new URL(`./${path}`, page.href).href;
}

/** Where a page's WebSocket goes. */
export function socketUrl(page: Pick<Location, 'href'> = location): string {
  return hubUrl('ws/chat', page)
    .replace(/^http/, 'ws')
    .replace(/[?#].*$/, '');
}
