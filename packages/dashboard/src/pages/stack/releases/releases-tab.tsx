/** The versions of a stack, newest first: who made each and why, which commits it brought, and the way back to it. */
import type { StackView } from '@mainstay/contract/operations/stacks';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { releases as texts } from '../../../texts/stack/releases.ts';
import { EmptyState, Fetched, Rows } from '../../../ui/page.tsx';
import type { StackSearch } from '../stack-search.ts';
import css from './releases.module.css';
import type { Version } from './version-commits.ts';
import { VersionRow } from './version-row.tsx';

const few = 20;
const most = 100;

export default function ReleasesTab({ stack, version: chosen, act }: { stack: StackView } & StackSearch) {
  const [limit, setLimit] = useState(chosen !== undefined && (stack.version ?? 0) - chosen >= few ? most : few);
  const query = useRead('stacks.versions', { stack: stack.name, limit }, { keep: true });
  return (
    <Fetched query={query} skeleton={<Rows count={6} height={84} />}>
      {({ versions }) =>
        versions.length === 0 ? (
          <EmptyState title={texts.emptyTitle}>{texts.emptyText}</EmptyState>
        ) : (
          <>
            <ol className={css.versions} aria-label={texts.list}>
              {versions.map((version, index) => (
                <VersionRow
                  key={version.version}
                  stack={stack}
                  version={version}
                  in_force={inForce(stack, versions)}
                  before={versions[index + 1]}
                  opened={chosen === version.version && act === undefined}
                />
              ))}
            </ol>
            {versions.length === limit && limit < most ? (
              <Button variant="default" mt="sm" onClick={() => setLimit(most)} loading={query.isFetching}>
                {texts.older}
              </Button>
            ) : (
              (versions.at(-1)?.version ?? 1) > 1 && <p className={css.end}>{texts.oldest}</p>
            )}
          </>
        )
      }
    </Fetched>
  );
}

/** The version that changes are made against: the newest, or the one that serves when the newest failed. */
function inForce(stack: StackView, versions: readonly Version[]): number | null {
  return versions[0]?.state === 'failed' ? stack.serving_version : stack.version;
}
