/** Parley's logo, a speech bubble. Hidden from screen readers. */
export function Logo({ size }: { readonly size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 64 64" aria-hidden="true">
      <path fill="#2f7d5b" d="M12 6h40a8 8 0 0 1 8 8v26a8 8 0 0 1-8 8H30L17 59a2 2 0 0 1-3-2v-9h-2a8 8 0 0 1-8-8V14a8 8 0 0 1 8-8z" />
      <g fill="#fff">
        <circle cx="19" cy="27" r="4.5" />
        <circle cx="32" cy="27" r="4.5" />
        <circle cx="45" cy="27" r="4.5" />
      </g>
    </svg>
  );
}
