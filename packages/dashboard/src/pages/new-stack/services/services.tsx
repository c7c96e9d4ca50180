/** The services of the new stack: those found in the repository, to be ticked, and those from elsewhere or made by hand. */
import { Button } from '@mantine/core';
import { IconGitBranch, IconPlus } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useRead } from '../../../api/queries.ts';
import { randomHex } from '../../../api/random.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { EmptyState, Rows, Section } from '../../../ui/page.tsx';
import { type Problems, stackField } from '../draft-problems.ts';
import css from '../new-stack.module.css';
import { sourceInput } from '../repository/repository.tsx';
import {
  byHand,
  fromProposal,
  originOf,
  type ServiceDraft,
  type SourceDraft,
  type StackDraft,
} from '../stack-draft.ts';
import { RepositoryNotes } from './repository-notes.tsx';
import { OfferedService, ServiceCard } from './service-card.tsx';

const texts = newStack.found;
const route = getRouteApi('/stacks/new');

export type ServicesProps = {
  draft: StackDraft;
  setDraft(next: StackDraft): void;
  stack: string;
  problems: Problems;
};

export function Services({ draft, setDraft, stack, problems }: ServicesProps) {
  const { git, ref, credential } = route.useSearch();
  const found = useRead(
    'sources.inspect',
    { ...sourceInput(git, credential), ...(ref ? { ref } : {}) },
    {
      enabled: git !== undefined,
    },
  );
  const { data } = found;
  const source: SourceDraft = { git: git ?? '', ref: data?.ref ?? ref ?? '', credential: credential ?? '' };
  const proposals = data?.proposals ?? [];
  const offers = proposals.map((proposal) => {
    const origin = originOf(source, proposal);
    return { proposal, origin, taken: draft.services.find((service) => service.origin === origin) };
  });
  const offered = new Set(offers.map(({ origin }) => origin));
  const elsewhere = draft.services.filter(({ origin }) => origin === null || !offered.has(origin));

  const add = (...services: ServiceDraft[]) => setDraft({ ...draft, services: [...draft.services, ...services] });
  const replace = (next: ServiceDraft) =>
    setDraft({ ...draft, services: draft.services.map((service) => (service.key === next.key ? next : service)) });
  const remove = (key: string) =>
    setDraft({ ...draft, services: draft.services.filter((service) => service.key !== key) });

  // The only service that there is, is meant; but once only, so that it can be left out.
  const only = data && proposals.length === 1 && draft.services.length === 0 ? proposals[0] : undefined;
  const looked = `${source.git}#${source.ref}`;
  useEffect(() => {
    if (!only || draft.looked.includes(looked)) return;
    setDraft({ ...draft, services: [fromProposal(source, only, newKey())], looked: [...draft.looked, looked] });
  });

  const left = offers.filter(({ taken }) => !taken);
  return (
    <Section
      title={texts.title}
      aside={
        <div className={css.asideButtons}>
          {proposals.length > 0 && <span className="quiet">{texts.count(proposals.length)}</span>}
          {left.length > 1 && (
            <Button
              variant="default"
              size="xs"
              onClick={() => add(...left.map(({ proposal }) => fromProposal(source, proposal, newKey())))}
            >
              {texts.takeAll}
            </Button>
          )}
        </div>
      }
    >
      <div className={css.services} id={stackField('services')} tabIndex={-1}>
        {problems[stackField('services')] && (
          <p className={css.fault} role="alert">
            {problems[stackField('services')]}
          </p>
        )}
        {data && <RepositoryNotes found={data} draft={draft} setDraft={setDraft} />}
        {git !== undefined && !data && !found.error && <Rows count={3} height={64} />}
        {data && proposals.length === 0 && draft.services.length === 0 && (
          <EmptyState title={texts.none}>{texts.noneText}</EmptyState>
        )}
        {git === undefined && draft.services.length === 0 && <p className="quiet">{texts.beforeLooking}</p>}
        {offers.map(({ proposal, origin, taken }) =>
          taken ? (
            <ServiceCard
              key={origin}
              service={taken}
              stack={stack}
              problems={problems}
              onChange={replace}
              onRemove={() => remove(taken.key)}
              hasFixedSource
            />
          ) : (
            <OfferedService
              key={origin}
              proposal={proposal}
              onTake={() => add(fromProposal(source, proposal, newKey()))}
            />
          ),
        )}
        {elsewhere.map((service) => (
          <ServiceCard
            key={service.key}
            service={service}
            stack={stack}
            problems={problems}
            onChange={replace}
            onRemove={() => remove(service.key)}
          />
        ))}
        <div className={css.adders}>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={14} />}
            onClick={() => add(byHand(source, newKey()))}
          >
            {texts.addByHand}
          </Button>
          {draft.services.length > 0 && (
            <Button
              variant="default"
              size="xs"
              leftSection={<IconGitBranch size={14} />}
              title={texts.addOtherHint}
              onClick={lookElsewhere}
            >
              {texts.addOther}
            </Button>
          )}
        </div>
      </div>
    </Section>
  );
}

function newKey(): string {
  return `service-${randomHex(4)}`;
}

/** The URL field is what one repository after the other is given to. */
function lookElsewhere(): void {
  const field = document.getElementById('repository-git');
  if (!(field instanceof HTMLInputElement)) return;
  field.scrollIntoView({ block: 'center' });
  field.focus();
  field.select();
}
