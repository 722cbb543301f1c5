/**
 * Whether the hub left a login in this browser (A4). Its secret is out of reach of scripts; what stands beside it tells that it is there, so that a page
 * need not ask for one that is not.
 *
 * @param cookies `document.cookie`
 * @param suffix What the names of this hub's cookies end with: `cookieSuffix()`
 */
export function hasLogin(cookies: string, hint: 'parley_in' | 'parley_agent_in', suffix = ''): boolean {
  return cookies.split(/; ?/).includes(`${hint}${suffix}=1`);
}

/** The hub wrote it into its page: others of the same host name have cookies of their own. */
export function cookieSuffix(page: Pick<Document, 'documentElement'> = document): string {
  return page.documentElement.dataset['cookies'] ?? '';
}
