import { useEffect } from 'react';

/** The page's title, with how much is new before it, as long as the caller is shown; then the title alone. */
export function useCountedTitle(title: string, count: number): void {
  useEffect(() => {
    document.title = count > 0 ? `(${count}) ${title}` : title;
    return () => {
      document.title = title;
    };
  }, [title, count]);
}
