/** What surrounds every page: navigation at the side, the connection, the palette; on a phone a bar on top and a drawer. */
import { Burger, Drawer, Kbd, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { general } from '../texts/general.ts';
import { shell as texts } from '../texts/shell.ts';
import { focusContent, useFocusBack } from '../ui/focus-back.ts';
import mark from '../ui/mark.svg';
import { ConnectionIndicator } from './connection-indicator.tsx';
import { Navigation } from './navigation.tsx';
import css from './shell.module.css';
import { useShortcuts } from './shortcuts.ts';

const loadPalette = () => import('./palette.tsx');
const Palette = lazy(loadPalette);
const ShortcutSheet = lazy(() => import('./shortcut-sheet.tsx'));

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** Once the page has come to rest, so that the first press of its key is answered at once. */
const load_palette_after_ms = 3_000;

function loadPaletteSoon(): () => void {
  const timer = setTimeout(() => void loadPalette(), load_palette_after_ms);
  return () => clearTimeout(timer);
}

export function Shell() {
  const [drawer, { open: openDrawer, close: closeDrawer }] = useDisclosure(false);
  const [overlay, setOverlay] = useState<'palette' | 'shortcuts' | null>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useShortcuts({
    palette: () => setOverlay('palette'),
    help: () => setOverlay('shortcuts'),
    isOpen: overlay !== null,
  });
  useEffect(loadPaletteSoon, []);
  useEffect(closeDrawer, [path]);
  useFocusBack(overlay !== null);
  const close = () => setOverlay(null);
  return (
    <div className={css.frame}>
      {/* No link: a fragment alone leads to the address of the installation (`<base>`), not to that of the page. */}
      <button type="button" className={css.skip} onClick={focusContent}>
        {general.skipToContent}
      </button>
      <section className={css.bar} aria-label={texts.bar}>
        <Burger opened={drawer} onClick={openDrawer} size="sm" aria-label={texts.openNavigation} />
        <Brand />
        <ConnectionIndicator />
      </section>
      <aside className={css.side}>
        <Brand />
        <UnstyledButton className={css.search} onClick={() => setOverlay('palette')} title={texts.paletteOpen}>
          <IconSearch size={15} />
          <span>{general.search}</span>
          <Kbd size="xs">{isMac ? '⌘K' : 'Ctrl K'}</Kbd>
        </UnstyledButton>
        <Navigation />
        <div className={css.foot}>
          <ConnectionIndicator />
        </div>
      </aside>
      <Drawer
        opened={drawer}
        onClose={closeDrawer}
        size={280}
        title={<Brand />}
        closeButtonProps={{ 'aria-label': texts.closeNavigation }}
      >
        <Navigation />
      </Drawer>
      <main id="content" className={css.content} tabIndex={-1}>
        <Outlet />
      </main>
      <Suspense>
        {overlay === 'palette' && <Palette onClose={close} onHelp={() => setOverlay('shortcuts')} />}
        {overlay === 'shortcuts' && <ShortcutSheet onClose={close} />}
      </Suspense>
    </div>
  );
}

function Brand() {
  return (
    <Link to="/" className={css.brand}>
      <img src={mark} alt="" width="26" height="26" />
      <span>{general.product}</span>
    </Link>
  );
}
