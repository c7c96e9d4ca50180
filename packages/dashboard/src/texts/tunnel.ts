/** Words about the tunnel of a server. */
export const tunnel = {
  title: 'Tunnel',
  state: { connecting: 'Connecting', connected: 'Connected', down: 'Down' },
  none: 'None. What is served goes out through the open ports.',
  noneClosed: 'None, and no port is open: nothing of this server can be reached from outside.',
  since: 'since',
  set: 'Set',
  exchange: 'Exchange the token',
  remove: 'Remove',
  form: {
    title: (server: string) => `The tunnel of ${server}`,
    lead: 'The server dials out through cloudflared, which must be installed there. A tunnel that runs goes on until the new one is connected.',
    token: 'Token of the tunnel',
    tokenHint: 'As Cloudflare shows it where the tunnel was made. It is stored sealed, and given to this server alone.',
    missing: 'Paste the token.',
    review: 'Review',
    reviewTitle: (server: string) => `Connect ${server} by a tunnel`,
    confirm: 'Connect it',
  },
  removeTitle: (server: string) => `Remove the tunnel of ${server}`,
  removeConfirm: 'Remove it',
} as const;
