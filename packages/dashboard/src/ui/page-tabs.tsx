/** The tabs of a page: each is a link to the page with another search parameter, so that every one can be opened and shared. */
import { Tabs } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import css from './page-tabs.module.css';

export type PageTab<Value extends string> = {
  value: Value;
  word: string;
  count?: number | undefined;
  icon?: ReactNode;
};

export type PageTabsProps<Value extends string> = {
  tabs: readonly PageTab<Value>[];
  /** The tab that is shown; the first stands in the address without a parameter. */
  value: Value;
  label: string;
  /** Search parameters that a tab takes along, such as the server that is looked at; the others are of one tab alone. */
  keep?: readonly string[];
  /** What is shown of the chosen tab. */
  children: ReactNode;
};

/** Moves with the arrow keys like any tablist; the panel is the page's own, and only the chosen one is made. */
export function PageTabs<Value extends string>({ tabs, value, label, keep = [], children }: PageTabsProps<Value>) {
  const first = tabs[0]?.value;
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tab = list.current?.querySelector<HTMLElement>('[data-active]');
    if (list.current && tab)
      list.current.scrollLeft = tab.offsetLeft - (list.current.clientWidth - tab.clientWidth) / 2;
  }, [value]);
  return (
    <Tabs
      value={value}
      keepMounted={false}
      activateTabWithKeyboard={false}
      classNames={{ list: css.list, tab: css.tab }}
    >
      <Tabs.List ref={list} aria-label={label}>
        {tabs.map((tab) => (
          <Tabs.Tab
            key={tab.value}
            value={tab.value}
            leftSection={tab.icon}
            renderRoot={(props) => (
              <Link
                to="."
                search={
                  ((old: Record<string, unknown>) => ({
                    ...Object.fromEntries(keep.map((name) => [name, old[name]])),
                    tab: tab.value === first ? undefined : tab.value,
                  })) as never
                }
                resetScroll={false}
                {...props}
                type={undefined}
              />
            )}
          >
            {tab.word}
            {tab.count !== undefined && <span className={css.count}>{tab.count}</span>}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={value} className={css.panel}>
        {children}
      </Tabs.Panel>
    </Tabs>
  );
}
