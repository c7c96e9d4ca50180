/** Words of the page for who is not signed in. */
export const signIn = {
  title: 'Sign in',
  lead: 'Mainstay has no passwords. On the machine where it runs, make a one-time link:',
  command: 'mainstay sign-in-link',
  commandHint: 'In a clone of the repository it is ./mainstay sign-in-link. Open the link it prints, or paste it here:',
  field: 'Sign-in link',
  placeholder: 'http://…/#sign-in=…',
  submit: 'Sign in',
  refused: 'This link did not work',
  empty: 'Paste the whole link, or the part after “#sign-in=”.',
  unreachableTitle: 'Mainstay does not answer',
  unreachableText: 'This page tries again every few seconds. What runs on your servers goes on without it.',
} as const;
