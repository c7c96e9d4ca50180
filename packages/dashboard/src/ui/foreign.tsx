/** Text that others wrote (commit messages, log lines, names): shown as text, whatever it holds, and kept from its neighbours. */

/** Longer texts are cut where they are shown in passing. */
const shown_chars_max = 2_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is made visible
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff]/g;

/** The text with its control characters made visible (␛ for ESC) and its marks of direction taken out. */
export function visible(text: string, chars_max = shown_chars_max): string {
  const cut = text.length > chars_max ? `${text.slice(0, chars_max)}…` : text;
  return cut.replace(unseen, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '␡' : '';
  });
}

export type ForeignProps = { text: string; chars_max?: number; title?: boolean; className?: string | undefined };

/** Foreign text in its own direction; `title` shows all of it on hover, for where it is cut by the layout. */
export function Foreign({ text, chars_max, title = false, className }: ForeignProps) {
  const shown = visible(text, chars_max);
  return (
    <bdi dir="auto" className={className} title={title ? shown : undefined}>
      {shown}
    </bdi>
  );
}
