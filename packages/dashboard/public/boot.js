/** Sets the appearance before anything is drawn, so that no page flashes in the other one. Kept in step with appearance.ts. */
(() => {
  const root = document.documentElement;
  let chosen = {};
  try {
    chosen = JSON.parse(localStorage.getItem('mainstay.appearance') || '{}');
  } catch {
    // What cannot be read is as if nothing had been chosen.
  }
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const scheme = chosen.scheme === 'light' || chosen.scheme === 'dark' ? chosen.scheme : dark ? 'dark' : 'light';
  root.setAttribute('data-mantine-color-scheme', scheme);
  if (chosen.contrast === 'more') root.setAttribute('data-contrast', 'more');
  if (chosen.motion === 'less') root.setAttribute('data-motion', 'less');
})();
