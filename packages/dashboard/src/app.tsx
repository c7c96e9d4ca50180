/** Everything around the pages: look, queries, the session, the router. */
import { Loader, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useEffect } from 'react';
import { startLive } from './api/live.ts';
import { queryClient, useRead } from './api/queries.ts';
import { SignInPage } from './pages/sign-in/sign-in-page.tsx';
import { UnreachablePage } from './pages/sign-in/unreachable-page.tsx';
import { router } from './router.tsx';
import { general } from './texts/general.ts';
import { useScheme } from './ui/appearance.ts';
import { theme } from './ui/theme.ts';

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
// What keeps the page from scrolling behind a dialog adds a style of its own, and looks for the nonce under this name.
Object.assign(globalThis, { __webpack_nonce__: nonce });

export function App() {
  return (
    <MantineProvider theme={theme} forceColorScheme={useScheme()} getStyleNonce={() => nonce}>
      <QueryClientProvider client={queryClient}>
        <Notifications position="bottom-right" limit={4} />
        <Session />
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Shows the pages to who is signed in, and how to sign in to everybody else. */
function Session() {
  const actor = useRead('system.whoami', {});
  const isSignedIn = actor.data !== undefined && actor.error?.code !== 'Unauthenticated';
  useEffect(() => (isSignedIn ? startLive() : undefined), [isSignedIn]);
  if (isSignedIn) return <RouterProvider router={router} />;
  if (actor.error?.code === 'Unauthenticated') return <SignInPage />;
  if (actor.error) return <UnreachablePage error={actor.error} retry={() => void actor.refetch()} />;
  return <Loader aria-label={general.loading} m="xl" />;
}
