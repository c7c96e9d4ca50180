/** Words of the webhook of a stack. */
export const webhook = {
  text: 'Without a webhook, branches are looked up every now and then. With one, your Git host tells of a push and it is looked up at once.',
  every: (seconds: number) => `Now: every ${seconds} seconds.`,
  absent: 'This stack has no webhook',
  present: 'This stack has a webhook',
  presentText:
    'Its address and secret were shown when it was made, and are not kept where they could be read. Lost them? Make new ones; the old ones stop working at once.',
  make: 'Make a webhook',
  renew: 'Make a new address and secret',
  made: 'Put these into your Git host now',
  madeText: 'They are shown this once.',
  repeated:
    'The secret was shown when this was first confirmed, and is not shown again. Make a new one if you lost it.',
  address: 'Address',
  secret: 'Secret',
  copyAddress: 'Copy the address',
  copySecret: 'Copy the secret',
  unreachable:
    'Your Git host must be able to reach this address. You opened Mainstay at one that only this machine or network knows; put the public address in its place.',
  how: 'How to add it',
  host: 'Git host',
  hosts: {
    github: {
      name: 'GitHub',
      steps: [
        'In the repository: Settings → Webhooks → Add webhook.',
        'Payload URL: the address. Content type: application/json.',
        'Secret: the secret. Events: just the push event.',
      ],
    },
    gitlab: {
      name: 'GitLab',
      steps: [
        'In the project: Settings → Webhooks → Add new webhook.',
        'URL: the address. Secret token: the secret.',
        'Trigger: push events. Keep SSL verification on.',
      ],
    },
    gitea: {
      name: 'Gitea, Forgejo',
      steps: [
        'In the repository: Settings → Webhooks → Add webhook → Gitea.',
        'Target URL: the address. POST content type: application/json.',
        'Secret: the secret. Trigger on: push events.',
      ],
    },
  },
  open: (repository: string) => `Open the webhooks of ${repository}`,
  reviewTitle: { make: 'Make a webhook', renew: 'Make a new webhook' },
  reviewConfirm: { make: 'Make the webhook', renew: 'Make a new one' },
  renewLead: 'The address and the secret that are in use now stop working at once.',
  events: 'Last calls',
  noEvents: 'No call yet. After it is added, your Git host usually sends a test.',
  received: 'Taken',
  refused: 'Refused',
  allEvents: 'All events of this stack',
} as const;
