/** Every command of the palette: each place one can go to, and each thing that the person may do. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { useRouter } from '@tanstack/react-router';
import { base_url } from '../api/client.ts';
import { signOut } from '../api/session.ts';
import { settingsTabs } from '../pages/settings/settings-search.ts';
import { type StackAct, stackTabs } from '../pages/stack/stack-search.ts';
import { palette as texts } from '../texts/palette.ts';
import { settings } from '../texts/settings.ts';
import { shell } from '../texts/shell.ts';
import { type Status, serverStatus, stackStatus } from '../ui/words.ts';
import type { Findable } from './find-commands.ts';
import { toggleScheme } from './shortcuts.ts';

export type CommandIcon = 'place' | 'stack' | 'service' | 'server' | 'event' | 'act' | 'add';

export type Command = Findable & {
  id: string;
  icon: CommandIcon;
  /** How it is, where it has a state. */
  status?: Status;
  /** Keys that do the same. */
  keys?: readonly string[];
  run(): void;
};

export type CommandsInput = {
  navigate: ReturnType<typeof useRouter>['navigate'];
  stacks: readonly StackView[];
  servers: readonly ServerView[];
  may(permission: string): boolean;
  showShortcuts(): void;
};

/** So many stacks are shown before anything is typed: those in trouble first. */
const default_stacks_max = 6;

export function commandsOf(input: CommandsInput): Command[] {
  return [
    ...places(input),
    ...input.stacks.flatMap((stack, index) => ofStack(input, stack, index < default_stacks_max)),
    ...input.servers.map((server) => ofServer(input, server)),
    ...acts(input),
  ];
}

function places({ navigate }: CommandsInput): Command[] {
  const group = shell.groups.go;
  const place = (id: string, label: string, run: () => unknown, keys?: readonly string[]): Command => ({
    id,
    group,
    label,
    icon: 'place',
    isDefault: true,
    ...(keys ? { keys } : {}),
    run: () => void run(),
  });
  return [
    place('overview', shell.overview, () => navigate({ to: '/' }), ['G', 'O']),
    place('servers', shell.servers, () => navigate({ to: '/servers' }), ['G', 'S']),
    place('events', shell.events, () => navigate({ to: '/events' }), ['G', 'E']),
    place('operations', shell.operations, () => navigate({ to: '/operations' }), ['G', 'P']),
    ...(['runs', 'policies', 'audit'] as const).map(
      (id): Command => ({
        id,
        group,
        label: shell[id],
        keywords: texts.keywords[id],
        icon: 'place',
        isDefault: true,
        run: () => void navigate({ to: `/${id}` }),
      }),
    ),
    {
      id: 'operations-waiting',
      group,
      label: texts.waiting,
      detail: shell.operations,
      keywords: texts.keywords.operations,
      icon: 'place',
      run: () => void navigate({ to: '/operations', search: { state: 'waiting' } }),
    },
    place('settings', shell.settings, () => navigate({ to: '/settings' }), ['G', 'T']),
    ...settingsTabs.map(
      (tab): Command => ({
        id: `settings-${tab}`,
        group,
        label: settings.tabs[tab],
        detail: shell.settings,
        keywords: texts.keywords.settings[tab],
        icon: 'place',
        run: () => void navigate({ to: '/settings', search: { tab } }),
      }),
    ),
    {
      id: 'events-errors',
      group,
      label: texts.errors,
      detail: shell.events,
      keywords: texts.keywords.errors,
      icon: 'event',
      run: () => void navigate({ to: '/events', search: { severity: 'error', range: '24h' } }),
    },
  ];
}

/** Changes of a stack that the palette opens; their plan is reviewed on the page of the stack. */
function stackActs(stack: StackView, may: CommandsInput['may']): StackAct[] {
  if (!may('stacks:deploy')) return [];
  return stack.paused ? ['resume', 'rollback'] : ['deploy', 'rollback', 'pause'];
}

function ofStack({ navigate, may }: CommandsInput, stack: StackView, isDefault: boolean): Command[] {
  const { name } = stack;
  const params = { stack: name };
  return [
    {
      id: `stack ${name}`,
      group: shell.groups.stacks,
      label: name,
      keywords: texts.keywords.stack,
      icon: 'stack',
      status: stackStatus(stack.health),
      isDefault,
      run: () => void navigate({ to: '/stacks/$stack', params }),
    },
    ...stackTabs.map(
      (tab): Command => ({
        id: `stack ${name} ${tab}`,
        group: shell.groups.stacks,
        label: texts.tabOf(name, texts.stackTabs[tab]),
        icon: 'stack',
        run: () => void navigate({ to: '/stacks/$stack', params, search: { tab } }),
      }),
    ),
    ...stackActs(stack, may).map(
      (act): Command => ({
        id: `${act} ${name}`,
        group: shell.groups.act,
        label: texts.acts[act](name),
        keywords: texts.keywords.acts[act],
        icon: 'act',
        run: () => void navigate({ to: '/stacks/$stack', params, search: { act } }),
      }),
    ),
    ...stack.services.flatMap((service) => ofService({ navigate, may }, name, service)),
  ];
}

function ofService({ navigate, may }: Pick<CommandsInput, 'navigate' | 'may'>, stack: string, service: string) {
  const params = { stack, service };
  const open: Command = {
    id: `service ${stack}/${service}`,
    group: shell.groups.services,
    label: service,
    detail: stack,
    keywords: texts.keywords.service,
    icon: 'service',
    run: () => void navigate({ to: '/stacks/$stack/services/$service', params }),
  };
  const logs: Command = {
    ...open,
    id: `logs ${stack}/${service}`,
    label: texts.logsOf(service),
    keywords: texts.keywords.logs,
    run: () => void navigate({ to: '/stacks/$stack/services/$service', params, search: { tab: 'logs' } }),
  };
  return may('logs:read') ? [open, logs] : [open];
}

function ofServer({ navigate }: CommandsInput, { name, state, stack }: ServerView): Command {
  return {
    id: `server ${name}`,
    group: shell.groups.servers,
    label: name,
    detail: stack ?? undefined,
    keywords: texts.keywords.server,
    icon: 'server',
    status: serverStatus(state),
    run: () => void navigate({ to: '/servers/$server', params: { server: name } }),
  };
}

function acts({ navigate, may, showShortcuts }: CommandsInput): Command[] {
  const act = (command: Omit<Command, 'group' | 'icon'> & { icon?: CommandIcon }): Command => ({
    group: shell.groups.act,
    icon: 'act',
    ...command,
  });
  const credentials = (add: 'deploy_key' | 'token', label: string): Command =>
    act({
      id: `credentials-${add}`,
      label,
      icon: 'add',
      keywords: texts.keywords.credentials,
      run: () => void navigate({ to: '/settings', search: { tab: 'credentials', add } }),
    });
  const commands: (Command | false)[] = [
    may('stacks:write') &&
      act({
        id: 'new-stack',
        label: shell.newStack,
        keywords: texts.keywords.newStack,
        icon: 'add',
        isDefault: true,
        keys: ['N', 'S'],
        run: () => void navigate({ to: '/stacks/new' }),
      }),
    may('servers:write') &&
      act({
        id: 'add-server',
        label: shell.addServer,
        keywords: texts.keywords.addServer,
        icon: 'add',
        isDefault: true,
        run: () => void navigate({ to: '/servers/add' }),
      }),
    may('secrets:write') && credentials('deploy_key', settings.credentials.addKey),
    may('secrets:write') && credentials('token', settings.credentials.addToken),
    act({ id: 'scheme', label: shell.toggleScheme, isDefault: true, keys: ['Shift', 'D'], run: toggleScheme }),
    act({ id: 'keys', label: shell.shortcuts, isDefault: true, keys: ['?'], run: showShortcuts }),
    act({ id: 'api', label: shell.apiReference, run: () => location.assign(`${base_url}api/docs`) }),
    act({
      id: 'sign-out',
      label: shell.signOut,
      keywords: texts.keywords.signOut,
      run: () => void signOut().then(() => location.reload()),
    }),
  ];
  return commands.filter((command) => command !== false);
}
