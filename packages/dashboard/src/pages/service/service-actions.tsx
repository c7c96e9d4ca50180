/** What can be done to the service. Each button leads to an address that opens the review, so that going back closes it. */
import { Button, Tooltip } from '@mantine/core';
import { IconArrowBackUp, IconRefresh, IconRocket } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { service as texts } from '../../texts/service.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import { shortCommit } from '../../ui/words.ts';
import type { ServiceSearch } from './service-search.ts';

const route = getRouteApi('/stacks/$stack/services/$service');
const words = texts.actions;

type Act = NonNullable<ServiceSearch['act']>;

export type ServiceActionsProps = { stack: string; service: string; paused: boolean };

export function ServiceActions({ stack, service, paused }: ServiceActionsProps) {
  const { act, version } = route.useSearch();
  const navigate = route.useNavigate();
  const permissions = useRead('system.whoami', {}).data?.permissions;
  const isAllowed = permissions === undefined || permissions.includes('stacks:deploy');
  const go = (next: Act | undefined) =>
    void navigate({ search: (old) => ({ ...old, act: next, version: undefined }), resetScroll: false });
  const refusal = (needsRunning: boolean) =>
    isAllowed ? (paused && needsRunning ? words.paused : null) : words.notAllowed;
  return (
    <>
      <ActButton icon={<IconRocket size={16} />} refusal={refusal(true)} onClick={() => go('deploy')} main>
        {words.deploy}
      </ActButton>
      <ActButton icon={<IconRefresh size={16} />} refusal={refusal(true)} onClick={() => go('restart')}>
        {words.restart}
      </ActButton>
      <ActButton icon={<IconArrowBackUp size={16} />} refusal={refusal(false)} onClick={() => go('rollback')}>
        {words.rollback}
      </ActButton>
      <Review stack={stack} service={service} act={act} version={version} onClose={() => go(undefined)} />
    </>
  );
}

type ActButtonProps = {
  icon: React.ReactNode;
  /** Why it cannot be done; null when it can. */
  refusal: string | null;
  main?: boolean;
  children: string;
  onClick(): void;
};

/** Stays focusable when it cannot be used, so that everybody can learn why. */
function ActButton({ icon, refusal, main = false, children, onClick }: ActButtonProps) {
  return (
    <Tooltip label={refusal} disabled={refusal === null}>
      <Button
        variant={main ? 'filled' : 'default'}
        leftSection={icon}
        data-disabled={refusal === null ? undefined : true}
        aria-disabled={refusal === null ? undefined : true}
        onClick={refusal === null ? onClick : undefined}
      >
        {children}
      </Button>
    </Tooltip>
  );
}

type ReviewProps = {
  stack: string;
  service: string;
  act: Act | undefined;
  version: number | undefined;
  onClose(): void;
};

function Review({ stack, service, act, version, onClose }: ReviewProps) {
  const versions = useRead('stacks.versions', { stack, limit: 100 }, { enabled: version !== undefined }).data?.versions;
  const commit = versions?.find((one) => one.version === version)?.commits[service];
  const { title, text } = wordsOf(act ?? 'deploy', service, commit === undefined ? null : shortCommit(commit));
  return (
    <ReviewChange
      change={act === undefined ? null : changeOf(act, stack, service, version)}
      title={title}
      confirm={words[act ?? 'deploy']}
      onClose={onClose}
    >
      <p className="quiet">{text}</p>
    </ReviewChange>
  );
}

function changeOf(act: Act, stack: string, service: string, version: number | undefined): Change {
  if (act === 'rollback') {
    return { id: 'stacks.rollback', input: { stack, service, ...(version === undefined ? {} : { version }) } };
  }
  return {
    id: 'stacks.deploy',
    input: { stack, services: [service], ...(act === 'restart' ? { restart: true } : {}) },
  };
}

function wordsOf(act: Act, name: string, commit: string | null): { title: string; text: string } {
  switch (act) {
    case 'deploy':
      return { title: words.deployTitle(name), text: words.deployText };
    case 'restart':
      return { title: words.restartTitle(name), text: words.restartText };
    case 'rollback':
      return {
        title: commit === null ? words.rollbackTitle(name) : words.rollbackToTitle(name, commit),
        text: commit === null ? words.rollbackText : words.rollbackToText,
      };
  }
}
