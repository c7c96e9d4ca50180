/** A run, drawn: a box for each step with its state. It neither zooms nor pans; what is wider than the page scrolls. Loaded when shown. */
import '@xyflow/react/dist/base.css';
import type { StepView } from '@mainstay/contract/operations/runs';
import { Link } from '@tanstack/react-router';
import { type Edge, Handle, type Node, type NodeProps, Position, ReactFlow } from '@xyflow/react';
import { memo, useRef } from 'react';
import { runs as texts } from '../../texts/runs.ts';
import { useNow } from '../../ui/clock.ts';
import { visible } from '../../ui/foreign.tsx';
import graph from '../../ui/picture-graph.module.css';
import { pictureGraph, usePictureRole } from '../../ui/picture-graph.ts';
import { StatusMark } from '../../ui/status-mark.tsx';
import css from './run-graph.module.css';
import { box, type Edge as Need, runLayout } from './run-layout.ts';
import { neededBy, stepDuration, stepStatus } from './run-words.ts';

export type RunGraphProps = {
  run: string;
  nodes: readonly StepView[];
  edges: readonly Need[];
  /** Key of the step that is looked at. */
  chosen: string | undefined;
};

export default function RunGraph({ run, nodes, edges, chosen }: RunGraphProps) {
  const frame = useRef<HTMLDivElement>(null);
  usePictureRole(frame);
  const layout = runLayout(nodes, edges);
  const needed = neededBy(nodes, edges);
  const running = new Set(nodes.filter(({ finished_at }) => finished_at === null).map(({ key }) => key));
  return (
    // Its boxes are links, so that the keyboard reaches what is scrolled out of sight.
    <div ref={frame} className={css.frame}>
      <div style={{ width: layout.width, height: layout.height, margin: '0 auto' }}>
        <ReactFlow
          className={graph.flow}
          aria-label={texts.graph}
          nodes={layout.boxes.map(
            ({ step, x, y }): Node => ({
              id: step.key,
              type: 'step',
              position: { x, y },
              width: box.width,
              height: box.height,
              data: { step, run, needed: needed.get(step.key) ?? [], isChosen: step.key === chosen },
            }),
          )}
          edges={layout.edges.map(
            ({ from, to }): Edge => ({
              id: `${from} ${to}`,
              source: from,
              target: to,
              animated: !running.has(from) && running.has(to),
              focusable: false,
            }),
          )}
          nodeTypes={nodeTypes}
          {...pictureGraph}
        />
      </div>
    </div>
  );
}

type StepData = { step: StepView; needed: StepView[]; run: string; isChosen: boolean };

function StepNode({ data }: NodeProps) {
  const { step, needed, run, isChosen } = data as StepData;
  const now = useNow(1_000);
  const took = stepDuration(step, needed, now);
  return (
    <Link
      to="/runs/$id"
      params={{ id: run }}
      search={(old: Record<string, unknown>) => ({ ...old, step: isChosen ? undefined : step.key })}
      resetScroll={false}
      className={css.box}
      data-tone={stepStatus(step.state).tone}
      data-chosen={isChosen || undefined}
      aria-current={isChosen || undefined}
      title={texts.showStep(step.key)}
    >
      <Handle type="target" position={Position.Left} isConnectable={false} className={graph.handle} />
      <Handle type="source" position={Position.Right} isConnectable={false} className={graph.handle} />
      <span className={css.key}>{visible(step.key, 64)}</span>
      <span className={css.line}>
        <StatusMark {...stepStatus(step.state)} />
        {took !== null && <span className={css.took}>{took}</span>}
      </span>
    </Link>
  );
}

const nodeTypes = { step: memo(StepNode, isSame) };

/** Drawn again when its own step changed: those that come are other objects each time, with the same in them. */
function isSame(before: NodeProps, after: NodeProps): boolean {
  return JSON.stringify(before.data) === JSON.stringify(after.data);
}
