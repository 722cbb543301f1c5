/**
 * Whether the hub left a login in this browser (A4). Its secret is out of reach of scripts; what stands beside it tells that it is there, so that a page
 * need not ask for one that is not.
 *
 * @param cookies `document.cookie`
 */
export function hasLogin(cookies: string, hint: 'parley_in' | 'parley_agent_in'): boolean {
  return cookies.split(/; ?/).includes(`${hint}=1`);
}
