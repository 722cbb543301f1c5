/** What makes a name, an address or an account one and the same: compatibility forms (NFKC) and the case of letters make no difference. */
export function textKey(text: string): string {
  // Once more: lower case may leave a form that NFKC composes.
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}
