/** Strokes on a grid of 24 x 24. */
const PATHS = {
  sun: 'M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10ZM12 1v2M12 21v2M4.2 4.2l1.4 1.4M18.4 18.4l1.4 1.4M1 12h2M21 12h2M4.2 19.8l1.4-1.4M18.4 5.6l1.4-1.4',
  moon: 'M21 12.8A9 9 0 1 1 11.2 3a7 7 0 0 0 9.8 9.8Z',
  contrast: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 3v18M12 8h7.5M12 12h9M12 16h7.5',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  alert: 'M12 4 2.5 20h19L12 4ZM12 10v4.5M12 17.2v.3',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7v5l3.5 2',
  send: 'M4 12 20 4l-4 16-4-7-8-1ZM12 13l8-9',
  back: 'M15 5l-7 7 7 7',
  down: 'M12 4v15M5 13l7 7 7-7',
  up: 'M12 20V5M5 11l7-7 7 7',
  people: 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM2 21v-2a5 5 0 0 1 5-5h4a5 5 0 0 1 5 5v2M16 3.3a4 4 0 0 1 0 7.4M22 21v-2a5 5 0 0 0-3-4.6',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6 6 18',
  bell: 'M6 9a6 6 0 0 1 12 0c0 6 3 7 3 8H3c0-1 3-2 3-8M10 21h4',
  tree: 'M12 22v-5M12 17H5l4-5H7l5-9 5 9h-2l4 5h-7Z',
  pair: 'M8 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM16 20a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM16 8h4M18 6v4',
  message: 'M5 4h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-8l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2ZM8 9h8M8 13h5',
  leave: 'M9 21H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h4M16 17l5-5-5-5M21 12H9',
} as const;

/**
 * An icon beside a text, or in a button with a label. Hidden from screen readers. `size`: pixels at
 * the usual size of text; the icon grows with the text.
 */
export function Icon({ name, size = 18 }: { readonly name: keyof typeof PATHS; readonly size?: number }) {
  return (
    <svg
      width={`${size / 16}rem`}
      height={`${size / 16}rem`}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
