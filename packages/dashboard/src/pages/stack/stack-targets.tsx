/** By which labels a stack chooses its servers, and what they would change with its next deployment. */
import type { StackTargets } from '@mainstay/contract/operations/stacks';
import { Alert } from '@mantine/core';
import { IconTags } from '@tabler/icons-react';
import { head as texts } from '../../texts/stack/head.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { labelsText } from '../../ui/labels.ts';

export function StackTargetsNotice({ targets }: { targets: StackTargets | null }) {
  if (targets === null) return null;
  const { joins, leaves, passed_over } = targets;
  const lines = [
    ...joins.map(({ server, why }) => texts.targets.joins(server, why)),
    ...leaves.map(({ server, why }) => texts.targets.leaves(server, why)),
    ...passed_over,
  ];
  if (lines.length === 0) return null;
  const title = joins.length + leaves.length > 0 ? texts.targets.title : texts.targets.passedOver;
  return (
    <Alert color="blue" variant="light" icon={<IconTags />} title={title(labelsText(targets.labels))}>
      {lines.map((line) => (
        <p key={line} className="quiet">
          <Foreign text={line} />
        </p>
      ))}
    </Alert>
  );
}
