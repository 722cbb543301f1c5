import { describe, expect, it } from 'vitest';

import { initial } from '#services/web/src/people/person-picture.tsx';

describe('the picture of a person', () => {
  it.each(['ada', 'é', 'e\u0301mil', '李雷', '👩🏽‍🚀 Ann', '🇨🇭 Urs', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣ one', '한글', '❤️‍🔥', 'ß', ' x'])(
    'shows the first character of %s whole',
    (name) => {
      const [first] = new Intl.Segmenter().segment(name);
      expect(initial(name)).toBe(first?.segment.toLocaleUpperCase());
    },
  );

  it('shows a question mark for no name', () => {
    expect(initial('')).toBe('?');
  });
});
