/** How the webhook is added in each Git host, beginning with the one that the stack's repositories are on. */
import { SegmentedControl } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import { useState } from 'react';
import { webhook as texts } from '../../../texts/stack/webhook.ts';
import { Section } from '../../../ui/page.tsx';
import { type HookHost, type HookPage, hookPage } from './hook-pages.ts';
import css from './webhook.module.css';

const hosts = ['github', 'gitlab', 'gitea'] as const satisfies HookHost[];
const pages_shown_max = 10;

export function WebhookHelp({ sources }: { sources: readonly string[] }) {
  const pages = pagesOf(sources);
  const [host, setHost] = useState<HookHost>(pages[0]?.host ?? 'github');
  const words = texts.hosts[host];
  return (
    <Section
      title={texts.how}
      aside={
        <SegmentedControl
          size="xs"
          aria-label={texts.host}
          data={hosts.map((value) => ({ value, label: texts.hosts[value].name }))}
          value={host}
          onChange={(value) => setHost(value as HookHost)}
        />
      }
    >
      <ol className={css.steps}>
        {words.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <ul className={css.pages}>
        {pages
          .filter((page) => page.host === host)
          .slice(0, pages_shown_max)
          .map((page) => (
            <li key={page.url}>
              <a href={page.url} target="_blank" rel="noreferrer">
                {texts.open(page.repository)} <IconExternalLink size={14} aria-hidden="true" />
              </a>
            </li>
          ))}
      </ul>
    </Section>
  );
}

function pagesOf(sources: readonly string[]): HookPage[] {
  const pages = sources.flatMap((git) => hookPage(git) ?? []);
  return [...new Map(pages.map((page) => [page.url, page])).values()];
}
