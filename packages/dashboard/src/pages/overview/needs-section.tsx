/** On top of the overview: what needs a person, each with the place where it can be dealt with. */
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../api/may.ts';
import { overview } from '../../texts/overview.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import type { Need, NeedPlace } from './needs.ts';
import css from './overview.module.css';

const texts = overview.needs;

/** More are folded: ten of them are a morning's work. */
const shown_max = 8;

export function NeedsSection({ needs, calm }: { needs: readonly Need[]; calm: { busy: boolean; text: string } }) {
  const [all, setAll] = useState(false);
  if (needs.length === 0) {
    return (
      <p className={css.calm}>
        <StatusMark tone={calm.busy ? 'busy' : 'good'} word={overview.tones[calm.busy ? 'busy' : 'good']} form="icon" />
        {calm.text}
      </p>
    );
  }
  return (
    <Section
      title={texts.title}
      flush
      aside={
        needs.length > shown_max && (
          <Button variant="subtle" size="compact-sm" onClick={() => setAll(!all)} aria-expanded={all}>
            {all ? texts.fewer : texts.all(needs.length)}
          </Button>
        )
      }
    >
      <ul className={css.rows}>
        {needs.slice(0, all ? undefined : shown_max).map((need) => (
          <li key={need.key} className={css.need} data-tone={need.tone}>
            <div className={css.needText}>
              <StatusMark tone={need.tone} word={need.title} />
              {need.detail !== null && <Foreign text={need.detail} chars_max={400} className={css.needDetail} title />}
            </div>
            <span className={css.quiet}>{need.at !== null && <Time at={need.at} />}</span>
            <PlaceLink place={need.place} word={need.action} about={need.title} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function PlaceLink({ place, word, about }: { place: NeedPlace; word: string; about: string }) {
  const may = useMay();
  if (place.to === 'add-server' && !may('servers:write')) return null;
  const label = `${word}: ${about}`;
  return (
    <Button
      size="compact-sm"
      variant="default"
      aria-label={label}
      renderRoot={(props) => {
        if (place.to === 'stack') {
          const { stack, act } = place;
          return (
            <Link to="/stacks/$stack" params={{ stack }} search={may('stacks:deploy') ? { act } : {}} {...props} />
          );
        }
        if (place.to === 'service') {
          const { stack, service, tab } = place;
          return <Link to="/stacks/$stack/services/$service" params={{ stack, service }} search={{ tab }} {...props} />;
        }
        if (place.to === 'server') return <Link to="/servers/$server" params={{ server: place.server }} {...props} />;
        if (place.to === 'operation') return <Link to="/operations/$id" params={{ id: place.id }} {...props} />;
        return <Link to="/servers/add" search={{ stack: place.stack }} {...props} />;
      }}
    >
      {word}
    </Button>
  );
}
