/**
 * A log: live, searched, filtered and linked to. What is shown stands in the search parameters, which whoever shows the log
 * keeps in the address; only what a reload may forget is held here (whether it follows, the line shown whole).
 */
import { Button } from '@mantine/core';
import { IconArrowDown } from '@tabler/icons-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { logs as texts } from '../../texts/logs.ts';
import { EmptyState, ErrorNotice } from '../page.tsx';
import { patternOf } from './line-text.ts';
import { LogFoot } from './log-foot.tsx';
import { nextHit } from './log-hits.ts';
import { useLogKeys } from './log-keys.ts';
import { LogScroller, type LogScrollerHandle } from './log-scroller.tsx';
import { filterOf, type LogSearch } from './log-search.ts';
import { LogToolbar } from './log-toolbar.tsx';
import css from './log-view.module.css';
import { indexOfCursor, type LogLine } from './log-window.ts';
import { useHits, useLog } from './use-log.ts';
import { WholeLine } from './whole-line.tsx';

export type LogRelease = { release_id: string; label: string };

export type LogViewProps = {
  stack: string;
  service: string;
  /** Only of this server; of all when left out. */
  server?: string | undefined;
  /** Lines say which server they are from. */
  showsServer: boolean;
  /** Releases to choose from, newest first. */
  releases: readonly LogRelease[];
  search: LogSearch;
  onSearch(change: LogSearch, options?: { replace: boolean }): void;
  /** The address of what is shown, but for the line. */
  hrefOf(line: number): string;
};

export function LogView({ stack, service, server, showsServer, releases, search, onSearch, hrefOf }: LogViewProps) {
  const { q, only, line: linked } = search;
  const filter = filterOf({ stack, service, server }, search);
  const key = JSON.stringify(filter);
  const [follows, setFollows] = useState(linked === undefined && search.at === undefined);
  const { state, reader } = useLog(filter, () => {
    if (linked !== undefined) return { line: linked };
    return search.at === undefined ? 'end' : { time: search.at };
  });
  const { lines, more_before } = state.window;
  const pattern = useMemo(() => patternOf(q ?? ''), [q]);
  const hits = useHits(lines, pattern);
  const scroller = useRef<LogScrollerHandle>(null);
  const [whole, setWhole] = useState<LogLine | null>(null);
  const [isLost, setLost] = useState(false);
  const is_empty = !state.is_opening && lines.length === 0;

  const follow = (next: boolean) => {
    setFollows(next);
    reader.follow(next);
    if (next && (linked !== undefined || search.at !== undefined)) {
      onSearch({ line: undefined, at: undefined }, { replace: true });
    }
  };

  // What is opened without a line is opened at its end, and followed from there.
  const shown = useRef(key);
  useEffect(() => {
    if (shown.current === key) return;
    shown.current = key;
    setFollows(linked === undefined);
    reader.follow(linked === undefined);
  }, [key, linked, reader]);

  // A line of the address that is not there is gone to; one that is there is brought into view.
  const { opened, opened_at } = state;
  useEffect(() => {
    if (linked === undefined || state.is_opening) return;
    setFollows(false);
    reader.follow(false);
    const { lines, more_after, more_before } = reader.state().window;
    const index = indexOfCursor(lines, linked);
    const mayBeElsewhere = (index === 0 && more_before) || (index === lines.length && more_after);
    if (lines[index]?.cursor === linked) scroller.current?.show(linked);
    else if (mayBeElsewhere && opened_at !== linked) reader.open(JSON.parse(key), { line: linked });
  }, [linked, opened_at, state.is_opening, reader, key]);

  // A moment of the address becomes the line that it means.
  useEffect(() => {
    if (search.at !== undefined && opened > 0 && opened_at !== null) {
      onSearch({ at: undefined, line: opened_at }, { replace: true });
    }
  }, [search.at, opened, opened_at, onSearch]);

  const hitTowards = async (direction: 1 | -1) => {
    const from = linked ?? (direction === 1 ? (scroller.current?.top() ?? 0) - 1 : (lines.at(-1)?.cursor ?? 0) + 1);
    const { more_after, more_before } = state.window;
    const found = nextHit(hits.cursors, from, direction);
    if (found !== null || !(direction === 1 ? more_after : more_before)) return found;
    const edge = direction === 1 ? { after: state.window.next } : { before: Math.max(1, state.window.previous) };
    return reader.find(q ?? '', edge).catch(() => null);
  };
  const goToHit = async (direction: 1 | -1) => {
    if (!q) return;
    let found = await hitTowards(direction);
    // While no line is pointed at, the nearest is meant: a log is opened at its end, where all hits are above.
    if (found === null && linked === undefined) found = await hitTowards(direction === 1 ? -1 : 1);
    setLost(found === null);
    if (found !== null) onSearch({ line: found }, { replace: true });
  };
  useEffect(() => setLost(false), [q, linked]);

  useLogKeys({
    hit: (direction) => void goToHit(direction),
    follow: () => follow(true),
    wrap: () => onSearch({ wrap: search.wrap ? undefined : true }, { replace: true }),
  });

  const isFiltered = Boolean(search.level || search.release || search.stream || (q && only));
  const clear = { level: undefined, release: undefined, stream: undefined, only: undefined, line: undefined };
  const labels = useMemo(() => new Map(releases.map(({ release_id, label }) => [release_id, label])), [releases]);
  const releaseOf = ({ release_id, stream }: LogLine) => {
    const label = labels.get(release_id)?.split(' ')[0] ?? release_id.slice(0, 12);
    return stream === 'build' ? texts.buildChip(label) : texts.releaseChip(label);
  };
  const linkedLine = linked === undefined ? undefined : lines[indexOfCursor(lines, linked)];
  return (
    <div className={css.view}>
      <LogToolbar
        search={search}
        releases={releases}
        filter={filter}
        hits={hits}
        isPartial={state.window.more_before || state.window.more_after}
        isLost={isLost}
        follows={follows}
        onSearch={onSearch}
        onHit={(direction) => void goToHit(direction)}
        onFollow={() => follow(!follows)}
      />
      <div className={css.frame}>
        {is_empty ? (
          <div className={css.notice}>
            {state.error ? (
              <ErrorNotice error={state.error} retry={() => reader.open(filter, 'end')} />
            ) : isFiltered ? (
              <EmptyState
                title={texts.emptyFiltered}
                action={
                  <div className={css.choices}>
                    {more_before && <LookFurther isLoading={state.is_loading_older} onClick={reader.older} />}
                    <Button variant="default" size="xs" onClick={() => onSearch(clear)}>
                      {texts.clearFilters}
                    </Button>
                  </div>
                }
              >
                {more_before ? texts.emptySoFarText : texts.emptyFilteredText}
              </EmptyState>
            ) : (
              <EmptyState title={texts.empty}>{texts.emptyText}</EmptyState>
            )}
          </div>
        ) : (
          <LogScroller
            ref={scroller}
            state={state}
            label={texts.region(service)}
            follows={follows}
            wraps={search.wrap === true}
            clock={search.clock ?? 'time'}
            pattern={pattern}
            linked={linked ?? null}
            showsServer={showsServer}
            edge={
              state.is_opening ? (
                texts.opening
              ) : more_before ? (
                <LookFurther isLoading={state.is_loading_older} onClick={reader.older} />
              ) : (
                texts.beginning
              )
            }
            hrefOf={hrefOf}
            releaseOf={releaseOf}
            onFollow={follow}
            onOlder={reader.older}
            onNewer={reader.newer}
            onBeginning={() => {
              follow(false);
              reader.open(filter, 'beginning');
            }}
            onLink={({ cursor }) => onSearch({ line: cursor })}
            onWhole={setWhole}
          />
        )}
        {!follows && (state.arrived > 0 || state.window.more_after) && (
          <div className={css.pill}>
            <Button
              size="compact-sm"
              radius="xl"
              leftSection={<IconArrowDown size={14} />}
              onClick={() => {
                follow(true);
                scroller.current?.focus();
              }}
            >
              {state.arrived > 0 && !state.window.more_after ? texts.newLines(state.arrived) : texts.newest}
            </Button>
          </div>
        )}
      </div>
      <LogFoot
        state={state}
        follows={follows}
        linked={
          linked === undefined ? null : { cursor: linked, line: linkedLine?.cursor === linked ? linkedLine : null }
        }
        onUnlink={() => onSearch({ line: undefined })}
        onWhole={setWhole}
      />
      <WholeLine line={whole} onClose={() => setWhole(null)} />
    </div>
  );
}

/** A search through very many lines pauses; this goes on. Where lines are scrolled through, they are fetched by themselves. */
function LookFurther({ isLoading, onClick }: { isLoading: boolean; onClick(): void }) {
  return isLoading ? (
    texts.loadingOlder
  ) : (
    <Button variant="default" size="compact-xs" onClick={onClick}>
      {texts.lookFurther}
    </Button>
  );
}
