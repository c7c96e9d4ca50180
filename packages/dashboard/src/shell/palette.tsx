/** The command palette: every place and every thing that the person may do, found by a few letters. */
import '@mantine/spotlight/styles.css';
import { Spotlight, type SpotlightActionData, type SpotlightActionGroupData } from '@mantine/spotlight';
import {
  IconActivity,
  IconBook,
  IconBox,
  IconHome,
  IconKeyboard,
  IconLogout,
  IconMoon,
  IconPlus,
  IconRocket,
  IconServer2,
  IconSettings,
} from '@tabler/icons-react';
import { useRouter } from '@tanstack/react-router';
import { base_url } from '../api/client.ts';
import { useRead } from '../api/queries.ts';
import { signOut } from '../api/session.ts';
import { shell as texts } from '../texts/shell.ts';
import { serverStatus, serviceStatus, stackStatus } from '../ui/words.ts';
import { toggleScheme } from './shortcuts.ts';

const size = 17;

export default function Palette({ onClose, onHelp }: { onClose(): void; onHelp(): void }) {
  const router = useRouter();
  const stacks = useRead('stacks.list', {}).data?.stacks ?? [];
  const servers = useRead('servers.list', {}).data?.servers ?? [];
  const services = useRead('services.list', {}).data?.services ?? [];
  const permissions = useRead('system.whoami', {}).data?.permissions ?? [];
  const may = (permission: string) => permissions.includes(permission);

  const go: SpotlightActionData[] = [
    {
      id: 'overview',
      label: texts.overview,
      leftSection: <IconHome size={size} />,
      onClick: () => void router.navigate({ to: '/' }),
    },
    {
      id: 'servers',
      label: texts.servers,
      leftSection: <IconServer2 size={size} />,
      onClick: () => void router.navigate({ to: '/servers' }),
    },
    {
      id: 'events',
      label: texts.events,
      leftSection: <IconActivity size={size} />,
      onClick: () => void router.navigate({ to: '/events' }),
    },
    {
      id: 'settings',
      label: texts.settings,
      leftSection: <IconSettings size={size} />,
      onClick: () => void router.navigate({ to: '/settings' }),
    },
  ];
  const act: SpotlightActionData[] = [
    ...(may('stacks:write')
      ? [
          {
            id: 'new-stack',
            label: texts.newStack,
            leftSection: <IconPlus size={size} />,
            onClick: () => void router.navigate({ to: '/stacks/new' }),
          },
        ]
      : []),
    ...(may('servers:write')
      ? [
          {
            id: 'add-server',
            label: texts.addServer,
            leftSection: <IconPlus size={size} />,
            onClick: () => void router.navigate({ to: '/servers/add' }),
          },
        ]
      : []),
    ...(may('stacks:deploy')
      ? stacks.map(({ name }) => ({
          id: `deploy-${name}`,
          label: texts.deploy(name),
          leftSection: <IconRocket size={size} />,
          onClick: () =>
            void router.navigate({ to: '/stacks/$stack', params: { stack: name }, search: { act: 'deploy' } }),
        }))
      : []),
    { id: 'scheme', label: texts.toggleScheme, leftSection: <IconMoon size={size} />, onClick: toggleScheme },
    { id: 'keys', label: texts.shortcuts, leftSection: <IconKeyboard size={size} />, onClick: onHelp },
    {
      id: 'api',
      label: texts.apiReference,
      leftSection: <IconBook size={size} />,
      onClick: () => location.assign(`${base_url}api/docs`),
    },
    {
      id: 'sign-out',
      label: texts.signOut,
      leftSection: <IconLogout size={size} />,
      onClick: () => void signOut().then(() => location.reload()),
    },
  ];
  const actions: SpotlightActionGroupData[] = [
    { group: texts.groups.go, actions: go },
    {
      group: texts.groups.stacks,
      actions: stacks.map((stack) => ({
        id: `stack-${stack.name}`,
        label: stack.name,
        description: stackStatus(stack.health).word,
        leftSection: <IconBox size={size} />,
        onClick: () => void router.navigate({ to: '/stacks/$stack', params: { stack: stack.name } }),
      })),
    },
    {
      group: texts.groups.services,
      actions: uniqueServices(services).map((service) => ({
        id: `service-${service.stack}-${service.service}`,
        label: service.service,
        description: `${service.stack} · ${serviceStatus(service).word}`,
        leftSection: <IconBox size={size} />,
        onClick: () =>
          void router.navigate({
            to: '/stacks/$stack/services/$service',
            params: { stack: service.stack, service: service.service },
          }),
      })),
    },
    {
      group: texts.groups.servers,
      actions: servers.map((server) => ({
        id: `server-${server.name}`,
        label: server.name,
        description: serverStatus(server.state).word,
        leftSection: <IconServer2 size={size} />,
        onClick: () => void router.navigate({ to: '/servers/$server', params: { server: server.name } }),
      })),
    },
    { group: texts.groups.act, actions: act },
  ];
  return (
    <Spotlight
      forceOpened
      onSpotlightClose={onClose}
      actions={actions}
      nothingFound={texts.paletteNothing}
      highlightQuery
      limit={30}
      shortcut={null}
      scrollable
      maxHeight={420}
      searchProps={{ placeholder: texts.palettePlaceholder, 'aria-label': texts.paletteOpen }}
    />
  );
}

function uniqueServices<T extends { stack: string; service: string }>(services: readonly T[]): T[] {
  return [...new Map(services.map((service) => [`${service.stack}/${service.service}`, service])).values()];
}
