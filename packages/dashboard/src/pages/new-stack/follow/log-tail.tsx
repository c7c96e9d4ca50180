/** The last lines that a release printed, its build included, as they come. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { IconChevronRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { visible } from '../../../ui/foreign.tsx';
import { withoutEscapes } from '../../../ui/log-view/ansi.ts';
import { Scroller } from '../../../ui/scroller.tsx';
import css from './follow.module.css';

const texts = newStack.follow;
const lines_max = 40;
const line_chars_max = 600;
const every_ms = 1_000;

export type LogTailProps = { service: ServiceOnServer; isLive: boolean; isOpen: boolean };

export function LogTail({ service, isLive, isOpen }: LogTailProps) {
  const { stack, service: name, server, desired_release_id } = service;
  const [chosen, setChosen] = useState<boolean | null>(null);
  const shown = chosen ?? isOpen;
  const query = useRead(
    'logs.list',
    {
      stack,
      service: name,
      server,
      limit: lines_max,
      ...(desired_release_id ? { release_id: desired_release_id } : {}),
    },
    { enabled: shown && desired_release_id !== null, ...(isLive ? { every_ms } : {}) },
  );
  const lines = query.data?.lines ?? [];
  const end = useRef<HTMLElement>(null);
  const last = lines.at(-1)?.cursor;
  const { refetch } = query;
  // The newest line is the one that is looked for.
  useEffect(() => {
    if (last !== undefined && end.current) end.current.scrollTop = end.current.scrollHeight;
  }, [last]);
  // What was printed at the very end comes a moment after the end itself.
  useEffect(() => {
    if (isLive || !shown) return;
    const timer = setTimeout(() => void refetch(), every_ms);
    return () => clearTimeout(timer);
  }, [isLive, shown, refetch]);
  return (
    <div>
      <button type="button" className={css.toggle} aria-expanded={shown} onClick={() => setChosen(!shown)}>
        <IconChevronRight size={14} aria-hidden="true" />
        {texts.log}
      </button>
      {shown && (
        <>
          <Scroller ref={end} className={`printed ${css.lines}`} aria-label={texts.log}>
            {lines.length === 0 && <span className="quiet">{texts.logEmpty}</span>}
            {lines.map((line) => (
              <div key={line.cursor} className={css.line} data-stream={line.stream}>
                {visible(withoutEscapes(line.text), line_chars_max)}
              </div>
            ))}
          </Scroller>
          <Link
            to="/stacks/$stack/services/$service"
            params={{ stack, service: name }}
            search={{ tab: 'logs', server }}
            className={css.small}
          >
            {texts.logAll}
          </Link>
        </>
      )}
    </div>
  );
}
