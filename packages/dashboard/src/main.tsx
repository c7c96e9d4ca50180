/** Starts the dashboard. */
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './ui/theme.css';
import { AppError } from '@mainstay/contract/app-error';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient } from './api/queries.ts';
import { signInFromAddress } from './api/session.ts';
import { App } from './app.tsx';
import { signInRefusal } from './pages/sign-in/refusal.ts';

/** Signs in where the address asks for it; also in a tab that shows the dashboard already, where only the hash changes. */
async function signIn(): Promise<void> {
  try {
    if (await signInFromAddress()) await queryClient.resetQueries();
  } catch (error) {
    signInRefusal.set(error instanceof AppError ? error : null);
  }
}

addEventListener('hashchange', () => void signIn());
await signIn();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
