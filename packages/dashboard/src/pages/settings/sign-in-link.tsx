/** Makes a one-time sign-in link. It is in this component's memory and nowhere else, and gone with it. */
import { Button, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { settings } from '../../texts/settings.ts';
import { CodeBlock } from '../../ui/code-block.tsx';
import { Section } from '../../ui/page.tsx';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import { absoluteTime } from '../../ui/time.tsx';
import css from './settings.module.css';

const texts = settings.profile;

type Expiry = keyof typeof texts.expiries;
const expiries = Object.keys(texts.expiries) as Expiry[];

type Made = { url: string | null; expires_at: number };

export function SignInLink() {
  const [expiry, setExpiry] = useState<Expiry>('900');
  const [change, setChange] = useState<Change | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  return (
    <Section title={texts.link}>
      <div className={css.stack}>
        <p className="quiet">{texts.linkText}</p>
        <div className={css.controls}>
          <NativeSelect
            label={texts.linkFor}
            value={expiry}
            onChange={(event) => setExpiry(expiries.find((value) => value === event.currentTarget.value) ?? '900')}
            data={expiries.map((value) => ({ value, label: texts.expiries[value] }))}
          />
          <Button
            variant="default"
            onClick={() => setChange({ id: 'access.create_sign_in_link', input: { expires_seconds: Number(expiry) } })}
          >
            {texts.linkDo}
          </Button>
        </div>
        {made && <MadeLink made={made} forget={() => setMade(null)} />}
      </div>
      <ReviewChange
        change={change}
        title={texts.linkTitle}
        confirm={texts.linkDo}
        onClose={() => setChange(null)}
        onAccepted={({ result }) => {
          setMade(result as Made);
          setChange(null);
        }}
      />
    </Section>
  );
}

function MadeLink({ made: { url, expires_at }, forget }: { made: Made; forget(): void }) {
  return (
    <div className={css.made} role="status">
      <p>{url === null ? texts.linkGone : texts.linkMade}</p>
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
