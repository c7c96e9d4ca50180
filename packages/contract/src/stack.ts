/**
 * The stack file: what a person writes down of a stack (`mainstay.yaml`), and the same shape that the API takes.
 * One spelling everywhere: these field names are those of the YAML, the wire, the store and the types.
 */
import * as z from 'zod';
import { envNameMessage, envNamePattern, reservedEnv, reservedEnvMessage, serviceUrlVariable } from './env-names.ts';
import { Labels } from './server-labels.ts';

export { reservedEnv, serviceUrlVariable } from './env-names.ts';

export const limitsOfStack = {
  services_max: 100,
  env_max: 256,
  env_value_bytes_max: 32_768,
  command_bytes_max: 8_192,
  secret_bytes_max: 65_536,
} as const;

/** A DNS label (RFC 1123 §2.1), at most 40 characters, so that `<service>.svc.internal` and unit names fit. */
export const DnsName = z
  .string()
  .max(40, 'must be at most 40 characters')
  .regex(
    /^[a-z]([a-z0-9-]*[a-z0-9])?$/,
    'must be a DNS label: lower-case letters, digits and dashes, beginning with a letter, not ending with a dash',
  );

/** A DNS name that is no Mainstay id: those begin with a prefix and an underscore, which no label has. */
export const StackName = DnsName.describe('Name of the stack.');
export const ServiceName = DnsName.describe('Name of the service.');
export const ServerName = DnsName.describe('Name of the server.');
export const CredentialName = DnsName.describe('Name of a Git credential.');

export const EnvName = z.string().max(128).regex(envNamePattern, envNameMessage);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const controlCharacters = /[\x00-\x1f\x7f]/;

/**
 * A Git URL: https, http, ssh, git, file, an absolute path, or `user@host:path`. Helper protocols (`ext::`, `fd::`) and
 * words that git would read as options are refused here, and git is given only the protocols named above.
 */
export const GitUrl = z
  .string()
  .min(1)
  .max(2_048)
  .superRefine((url, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if (controlCharacters.test(url) || /\s/.test(url)) return refuse('must have no spaces or control characters');
    if (url.startsWith('-')) return refuse('must not begin with a dash: git would read it as an option');
    if (/^[a-z0-9+.-]*::/i.test(url)) return refuse('must not use a remote helper such as ext:: or fd::');
    if (/^(https?|ssh|git|file):\/\//i.test(url)) {
      if (!URL.canParse(url)) return refuse('is not a valid URL');
      const parsed = new URL(url);
      if (parsed.password)
        return refuse('must hold no password or token: create a credential and name it in `credential`');
      if (/^https?:$/.test(parsed.protocol) && parsed.username) {
        return refuse('must hold no user name or token: create a credential and name it in `credential`');
      }
      if (parsed.hostname.startsWith('-') || parsed.username.startsWith('-'))
        return refuse('host and user must not begin with a dash');
      if (parsed.pathname.startsWith('/-')) return refuse('path must not begin with a dash');
      return;
    }
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return refuse('must use https, http, ssh, git or file');
    if (url.startsWith('/')) return;
    if (/^[A-Za-z0-9_.][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-\s].*$/.test(url)) return;
    refuse('must be a Git URL (https://…, ssh://…, user@host:path), or the absolute path of a local repository');
  })
  .describe('Git repository: https, ssh, git or file URL, `user@host:path`, or an absolute path.');

/** A branch, a tag or a commit (git-check-ref-format(1)). */
export const GitRef = z
  .string()
  .min(1)
  .max(255)
  .superRefine((ref, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if (ref.startsWith('-')) return refuse('must not begin with a dash: git would read it as an option');
    if (
      controlCharacters.test(ref) ||
      /[ ~^:?*[\\]/.test(ref) ||
      /\.\.|@\{|\/\/|\.lock(\/|$)|^\/|\/$|\.$|(^|\/)\./.test(ref) ||
      ref === '@'
    ) {
      refuse('is not a valid branch, tag or commit name');
    }
  })
  .describe('Branch, tag or commit.');

/** A folder inside the repository. Symlinks that lead outside are refused when the source is checked out. */
export const RootDirectory = z
  .string()
  .max(1_024)
  .superRefine((path, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    if (controlCharacters.test(path)) return refuse('must have no control characters');
    if (path.startsWith('/')) return refuse('must be relative to the repository, such as `apps/api`');
    if (path.startsWith('-')) return refuse('must not begin with a dash');
    if (path.split('/').includes('..')) return refuse('must stay inside the repository: `..` is not allowed');
    if (path.split('/').includes('.git')) return refuse('must not be inside `.git`');
  })
  .describe('Folder inside the repository.');

/**
 * A command of the service's own: either a list (the program and its arguments, run as they are) or a text, which
 * `/bin/sh` runs in the service's folder as npm does with the scripts of a package.
 */
export const Command = z
  .union(
    [
      z.string().min(1).max(limitsOfStack.command_bytes_max),
      z.array(z.string().max(limitsOfStack.command_bytes_max)).min(1).max(128),
    ],
    'must be a command: a text, or a list of the program and its arguments',
  )
  .refine((command) => !JSON.stringify(command).includes('\\u0000'), 'must have no NUL character')
  .refine((command) => (typeof command === 'string' ? command.trim() !== '' : command[0] !== ''), 'must not be empty');
export type Command = z.infer<typeof Command>;

export const PathPrefix = z
  .string()
  .max(512)
  .regex(
    /^\/([A-Za-z0-9._~!$&'()*+,;=:@-]+(\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*)?$/,
    'must begin with a slash, not end with one (but for "/" alone), and hold no empty segment, query or escape',
  )
  .refine(
    (path) => !path.split('/').some((segment) => segment === '.' || segment === '..'),
    'must hold no "." or ".." segment',
  )
  .describe('Requests whose path begins with this go to the service; the longest such prefix wins.');

export const Source = z.strictObject({
  git: GitUrl,
  ref: GitRef.default('main'),
  root: RootDirectory.default('.'),
  credential: CredentialName.optional().describe('Credential for a private repository.'),
});
export type Source = z.infer<typeof Source>;

export const Route = z.strictObject({
  prefix: PathPrefix,
  strip: z.boolean().default(false).describe('Take the prefix off before the service sees the path.'),
});

export const HealthCheck = z.strictObject({
  type: z.enum(['http', 'tcp']).default('http'),
  path: z
    .string()
    .max(1_024)
    .regex(/^\/[\x21-\x7e]*$/, 'must begin with a slash and be printable ASCII without spaces')
    .default('/')
    .describe('For http: any answer from 200 to 399 counts as healthy.'),
  interval_seconds: z.number().min(0.1).max(300).default(5),
  timeout_seconds: z.number().min(0.1).max(60).default(2),
  healthy_threshold: z.int().min(1).max(20).default(1).describe('Good answers in a row that make it healthy.'),
  unhealthy_threshold: z.int().min(1).max(20).default(3).describe('Bad answers in a row that make it unhealthy.'),
  start_timeout_seconds: z
    .number()
    .min(1)
    .max(900)
    .default(60)
    .describe('A candidate must be healthy within this time.'),
});

export const Limits = z.strictObject({
  memory_mb: z
    .int()
    .min(16)
    .max(1_048_576)
    .optional()
    .describe('Of the service with all its processes, MiB; over it, it is restarted.'),
  processes: z.int().min(1).max(65_536).default(512).describe('Processes and their children at once.'),
  cpu_percent: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'Of one core, that the service may use: 150 is one and a half. Held on servers where systemd supervises.',
    ),
  build_memory_mb: z.int().min(64).max(1_048_576).default(4_096),
  build_processes: z.int().min(1).max(65_536).default(512),
  build_timeout_seconds: z.int().min(1).max(14_400).default(900),
  build_disk_mb: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(4_096)
    .describe('The checkout with all that the build writes, MiB.'),
});

const EnvValue = z
  .string()
  .max(limitsOfStack.env_value_bytes_max)
  .refine((value) => !value.includes('\0'), 'must have no NUL character');

const notReserved = (name: string) => !reservedEnv.test(name);

export const ServiceSpec = z
  .strictObject({
    source: Source,
    build: Command.optional().describe('Run once per commit in the root directory.'),
    run: Command.describe('Starts the service, in the root directory.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe(
        'Fixed port that the service listens on. Left out, it is given one in $PORT, and switches without a pause.',
      ),
    route: Route.optional().describe('How it is reached from outside; left out, it is internal only.'),
    env: z
      .record(EnvName.refine(notReserved, reservedEnvMessage), EnvValue)
      .refine(
        (env) => Object.keys(env).length <= limitsOfStack.env_max,
        `must have at most ${limitsOfStack.env_max} entries`,
      )
      .default({}),
    secrets: z
      .array(EnvName.refine(notReserved, reservedEnvMessage))
      .max(limitsOfStack.env_max)
      .default([])
      .describe('Names of secrets of this stack, given to the service as environment variables.'),
    health: HealthCheck.prefault({}),
    replicas: z.literal(1, 'must be 1 in this version').default(1),
    limits: Limits.prefault({}),
    drain_timeout_seconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(30)
      .describe('How long an old release may finish its open requests after a switch.'),
    stop_timeout_seconds: z.int().min(0).max(600).default(10).describe('From SIGTERM to SIGKILL.'),
  })
  .meta({ id: 'ServiceSpec' });
export type ServiceSpec = z.infer<typeof ServiceSpec>;

export const SecurityMode = z
  .enum(['none', 'daemon-port', 'tunnel'])
  .describe('none: the firewall is left alone. The others are applied by agents that run as root.');
export type SecurityMode = z.infer<typeof SecurityMode>;

/** How a new version goes out to the servers of a stack. With one server there is one wave. */
export const RolloutSettings = z.strictObject({
  first: z.int().min(1).max(10_000).default(1).describe('So many servers get it before all others.'),
  batch: z
    .union(
      [z.int().min(1).max(10_000), z.string().regex(/^(100|[1-9][0-9]?)%$/)],
      'must be a number of servers, or a share of them such as 25%',
    )
    .default('25%')
    .describe('Servers of each wave after the first: so many, or such a share of all.'),
  pause_seconds: z
    .int()
    .min(0)
    .max(3_600)
    .default(0)
    .describe('After a wave it waits so long, and looks at its services again, before the next one begins.'),
  max_failed: z
    .int()
    .min(0)
    .max(10_000)
    .default(0)
    .describe('More servers than this may not fail: it stops then, and all have again what they had before.'),
});
export type RolloutSettings = z.infer<typeof RolloutSettings>;

/** Servers that one stack may choose by their labels. */
export const targets_max = 1_000;

/** By what a stack chooses its servers. Without it, servers are given the stack one by one. */
export const TargetSettings = z.strictObject({
  labels: Labels.refine((labels) => Object.keys(labels).length > 0, 'must name a label at least').describe(
    'Servers that have all of these labels run the stack. They are chosen when it is applied or deployed, and stay until the next time.',
  ),
});
export type TargetSettings = z.infer<typeof TargetSettings>;

const StackFields = z.strictObject({
  targets: TargetSettings.optional().describe(
    'Which servers run the stack; left out, those that were given it by `servers.invite` or `servers.assign`.',
  ),
  poll_interval_seconds: z
    .int()
    .min(5)
    .max(86_400)
    .default(60)
    .describe('How often refs are looked up again, and how often agents ask at the latest.'),
  auto_deploy: z.boolean().default(true).describe('Deploy by itself when a ref points to a new commit.'),
  rollout: RolloutSettings.prefault({}).describe('How a new version goes out where several servers run the stack.'),
  proxy: z
    .strictObject({
      port: z.int().min(1).max(65_535).default(8080),
      bind: z.enum(['loopback', 'public']).default('loopback'),
    })
    .prefault({}),
  names: z
    .strictObject({
      domain: z
        .string()
        .max(100)
        .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?(\.[a-z]([a-z0-9-]*[a-z0-9])?)*$/, 'must be a DNS name in lower case')
        .default('svc.internal')
        .describe('Services are <service>.<domain>.'),
      port: z
        .int()
        .min(1)
        .max(65_535)
        .default(8081)
        .describe(
          'Loopback port of the internal proxy, which goes by the Host header. A server with names has it at port 80 instead, where that is free.',
        ),
    })
    .prefault({}),
  security_mode: SecurityMode.default('none'),
  services: z
    .record(ServiceName, ServiceSpec)
    .refine((services) => Object.keys(services).length > 0, 'must have at least one service')
    .refine(
      (services) => Object.keys(services).length <= limitsOfStack.services_max,
      `must have at most ${limitsOfStack.services_max} services`,
    ),
});

type StackShape = z.infer<typeof StackFields>;

/** Rules between services: no two of them share a path or a port, and no secret is shadowed by a plain variable. */
function checkStack(stack: StackShape, context: z.RefinementCtx): void {
  const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: 'custom', path, message });
  const prefixes = new Map<string, string>();
  const ports = new Map<number, string>([[stack.proxy.port, 'the external proxy']]);
  if (stack.names.port === stack.proxy.port)
    refuse(['names', 'port'], `port ${stack.names.port} is taken by the external proxy`);
  ports.set(stack.names.port, 'the internal proxy');
  const variables = new Map<string, string>();
  for (const [name, service] of Object.entries(stack.services)) {
    const at: PropertyKey[] = ['services', name];
    const variable = serviceUrlVariable(name);
    const twin = variables.get(variable);
    if (twin) refuse(at, `clashes with service "${twin}": both would be ${variable}`);
    variables.set(variable, name);
    if (service.route) {
      const other = prefixes.get(service.route.prefix);
      if (other) refuse([...at, 'route', 'prefix'], `${service.route.prefix} is taken by service "${other}"`);
      prefixes.set(service.route.prefix, name);
    }
    if (service.port !== undefined) {
      const other = ports.get(service.port);
      if (other) {
        refuse(
          [...at, 'port'],
          `port ${service.port} is taken by ${other.startsWith('the ') ? other : `service "${other}"`}; leave \`port\` out to be given one in $PORT`,
        );
      }
      ports.set(service.port, name);
    }
    for (const secret of service.secrets) {
      if (secret in service.env) refuse([...at, 'env', secret], 'is also named in `secrets`; keep one of the two');
    }
    if (new Set(service.secrets).size !== service.secrets.length)
      refuse([...at, 'secrets'], 'must not name a secret twice');
  }
}

export const StackSpec = StackFields.superRefine(checkStack).meta({
  id: 'StackSpec',
  description: 'What a stack is to be: its services, routes, internal names and security mode.',
});
export type StackSpec = z.infer<typeof StackSpec>;
export type StackSpecInput = z.input<typeof StackSpec>;

/** `mainstay.yaml`: the specification with the stack's name on top. */
export const StackFile = z
  .strictObject({ stack: StackName, ...StackFields.shape })
  .superRefine(checkStack)
  .meta({ id: 'StackFile', title: 'Mainstay stack file', description: 'Configuration of one stack, as code.' });
export type StackFile = z.infer<typeof StackFile>;
