/** The key code of a key that an input method handles (UI Events, 7.3.1). */
const HANDLED = 229;

/**
 * Whether a key belongs to an input method, such as the Enter that confirms a candidate. Safari
 * ends the composition before it reports that key. Then only the key code tells.
 */
export function isComposing({ isComposing: composing, keyCode }: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean {
  return composing || keyCode === HANDLED;
}
