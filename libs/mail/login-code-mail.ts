/** What a login code looks like in a mail. */

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The code stands on a line of its own in the text. @param minutes How long it is good for. */
export function loginCodeMail(code: string, minutes: number): RenderedMail {
  const first = 'This is your code to log in to Parley:';
  const good = `It is good for ${minutes} minutes and works once.`;
  const ignore = 'If you did not ask for it, ignore this mail: without the code nobody can log in. Never tell it to anybody.';
  return {
    // Without the code: a subject is shown on locked screens.
    subject: 'Your code for Parley',
    text: `${first}\n\n${code}\n\n${good}\n\n${ignore}\n`,
    html: [
      '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your code for Parley</title></head>',
      '<body style="font-family:sans-serif;line-height:1.5">',
      `<p>${first}</p>`,
      `<p style="font-family:monospace;font-size:2em;letter-spacing:.15em"><strong>${escapeHtml(code)}</strong></p>`,
      `<p>${good}</p><p>${ignore}</p></body></html>`,
      '',
    ].join('\n'),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
