/** Makes a one-time sign-in link for who is signed in. */
import { Button, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { settings } from '../../texts/settings.ts';
import { Section } from '../../ui/page.tsx';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import { type LinkMade, MadeLink } from './made-link.tsx';
import css from './settings.module.css';

const texts = settings.profile;

type Expiry = keyof typeof texts.expiries;
const expiries = Object.keys(texts.expiries) as Expiry[];

export function SignInLink() {
  const [expiry, setExpiry] = useState<Expiry>('900');
  const [change, setChange] = useState<Change | null>(null);
  const [made, setMade] = useState<LinkMade | null>(null);
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
        {made && <MadeLink made={made} text={texts.linkMade} forget={() => setMade(null)} />}
      </div>
      <ReviewChange
        change={change}
        title={texts.linkTitle}
        confirm={texts.linkDo}
        onClose={() => setChange(null)}
        onAccepted={({ result }) => {
          if (result === null) return;
          setMade(result as LinkMade);
          setChange(null);
        }}
      />
    </Section>
  );
}
