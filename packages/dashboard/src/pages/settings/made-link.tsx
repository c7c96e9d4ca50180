/** A sign-in link that was made. It is in this component's memory and nowhere else, and gone with it. */
import { Button } from '@mantine/core';
import { settings } from '../../texts/settings.ts';
import { CodeBlock } from '../../ui/code-block.tsx';
import { absoluteTime } from '../../ui/time.tsx';
import css from './settings.module.css';

const texts = settings.profile;

export type LinkMade = { url: string | null; expires_at: number };

/** @param text What is said of the link, where it is shown. */
export function MadeLink({
  made: { url, expires_at },
  text,
  forget,
}: {
  made: LinkMade;
  text: string;
  forget(): void;
}) {
  return (
    <div className={css.made} role="status">
      <p>{url === null ? texts.linkGone : text}</p>
      {url !== null && <CodeBlock text={url} copyLabel={texts.copyLink} />}
      <div className={css.line}>
        <p className="quiet">
          {texts.linkEnds} {absoluteTime(expires_at)}.
        </p>
        <Button size="xs" variant="default" onClick={forget}>
          {texts.linkForget}
        </Button>
      </div>
    </div>
  );
}
