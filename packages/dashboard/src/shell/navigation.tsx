/** Where one can go: the fixed places, and every stack with its state. */
import {
  IconActivity,
  IconChecklist,
  IconGavel,
  IconHistory,
  IconHome,
  IconPlus,
  IconServer2,
  IconSettings,
  IconTimeline,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useMay } from '../api/may.ts';
import { useRead } from '../api/queries.ts';
import { shell as texts } from '../texts/shell.ts';
import { StatusMark } from '../ui/status-mark.tsx';
import { useWaitingForMe } from '../ui/waiting/use-me.ts';
import { stackStatus } from '../ui/words.ts';
import css from './navigation.module.css';

/** Beyond it the palette finds them. */
const stacks_shown_max = 30;

export function Navigation() {
  const { data } = useRead('stacks.list', {});
  const may = useMay();
  const waiting = useWaitingForMe() ?? [];
  const stacks = data?.stacks.slice(0, stacks_shown_max) ?? [];
  return (
    <nav aria-label={texts.navigation} className={css.navigation}>
      <Place to="/" icon={<IconHome size={17} />} word={texts.overview} exact />
      <Place to="/servers" icon={<IconServer2 size={17} />} word={texts.servers} />
      <Place to="/events" icon={<IconActivity size={17} />} word={texts.events} />
      <Place to="/settings" icon={<IconSettings size={17} />} word={texts.settings} />
      <div className={css.heading}>
        <span>{texts.operate}</span>
      </div>
      <Place
        to="/operations"
        icon={<IconChecklist size={17} />}
        word={texts.operations}
        count={waiting.length}
        countHint={texts.waiting(waiting.length)}
      />
      <Place to="/runs" icon={<IconTimeline size={17} />} word={texts.runs} />
      <Place to="/policies" icon={<IconGavel size={17} />} word={texts.policies} />
      <Place to="/audit" icon={<IconHistory size={17} />} word={texts.audit} />
      <div className={css.heading}>
        <span>{texts.stacks}</span>
        {may('stacks:write') && (
          <Link to="/stacks/new" aria-label={texts.newStack} title={texts.newStack} className={css.add}>
            <IconPlus size={15} />
          </Link>
        )}
      </div>
      {stacks.map((stack) => (
        <Link
          key={stack.id}
          to="/stacks/$stack"
          params={{ stack: stack.name }}
          className={css.place}
          activeProps={{ 'data-active': true, 'aria-current': 'page' }}
        >
          <StatusMark {...stackStatus(stack.health)} form="icon" />
          <span className={css.word}>{stack.name}</span>
        </Link>
      ))}
    </nav>
  );
}

type PlaceProps = {
  to: '/' | '/servers' | '/events' | '/settings' | '/operations' | '/runs' | '/policies' | '/audit';
  icon: ReactNode;
  word: string;
  exact?: boolean;
  /** Shown where there is something to count. */
  count?: number;
  /** What is counted, in words. */
  countHint?: string;
};

function Place({ to, icon, word, exact = false, count = 0, countHint }: PlaceProps) {
  return (
    <Link
      to={to}
      className={css.place}
      activeOptions={{ exact, includeSearch: false }}
      activeProps={{ 'data-active': true, 'aria-current': 'page' }}
    >
      {icon}
      <span className={css.word}>{word}</span>
      {count > 0 && (
        <span className={css.count} title={countHint}>
          <span aria-hidden="true">{count}</span>
          <span className="visually-hidden">{countHint}</span>
        </span>
      )}
    </Link>
  );
}
