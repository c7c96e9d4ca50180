/** The map, drawn. It neither zooms nor pans: it fits the width, and the page scrolls. Loaded only when it is shown. */
import '@xyflow/react/dist/base.css';
import { replaceEqualDeep } from '@tanstack/react-query';
import { type Edge, type Node, ReactFlow } from '@xyflow/react';
import { useEffect, useRef, useState } from 'react';
import { map as texts } from '../../../texts/stack/map.ts';
import graph from '../../../ui/picture-graph.module.css';
import { pictureGraph, usePictureRole } from '../../../ui/picture-graph.ts';
import css from './flow-map.module.css';
import { type Column, type MapEdge, type MapLayout, type MapNode, mapLayout } from './map-layout.ts';
import type { MapModel } from './map-model.ts';
import { nodeTypes } from './map-nodes.tsx';

export type FlowMapProps = { model: MapModel; chosen: string | undefined };

export default function FlowMap({ model, chosen }: FlowMapProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState<number | null>(null);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const watcher = new ResizeObserver(([entry]) => entry && setRoom(Math.floor(entry.contentRect.width)));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  usePictureRole(frame);
  // What is as it was stays the same object, so that only what changed is drawn again.
  const latest = useRef<MapLayout>(undefined);
  latest.current = replaceEqualDeep(latest.current, mapLayout(model, room ?? 0, chosen));
  const layout = latest.current;
  return (
    <div ref={frame} className={css.frame}>
      {room !== null && (
        <div style={{ width: layout.width }}>
          <div className={css.columns} aria-hidden="true">
            {(Object.keys(layout.columns) as Column[]).map((column) => (
              <span key={column} style={{ left: layout.columns[column].x, width: layout.columns[column].width }}>
                {texts.columns[column]}
              </span>
            ))}
          </div>
          <div style={{ height: layout.height }}>
            <ReactFlow
              className={graph.flow}
              aria-label={texts.label}
              nodes={flowNodes(layout.nodes)}
              edges={flowEdges(layout.edges)}
              nodeTypes={nodeTypes}
              {...pictureGraph}
            />
          </div>
        </div>
      )}
    </div>
  );
}

const flowNodes = eachOnce(flowNode);
const flowEdges = eachOnce(flowEdge);

/** Makes of each object, and of each list, the same thing every time. */
function eachOnce<From extends object, To>(make: (from: From) => To): (list: readonly From[]) => To[] {
  const made = new WeakMap<From, To>();
  const lists = new WeakMap<readonly From[], To[]>();
  const one = (from: From) => {
    const found = made.get(from) ?? make(from);
    made.set(from, found);
    return found;
  };
  return (list) => {
    const found = lists.get(list) ?? list.map(one);
    lists.set(list, found);
    return found;
  };
}

function flowNode(node: MapNode): Node {
  const { id, kind, x, y, width, height } = node;
  return { id, type: kind, position: { x, y }, width, height, data: { node } };
}

function flowEdge({ id, source, target, kind, faded }: MapEdge): Edge {
  return {
    id,
    source,
    target,
    className: `${css[kind]} ${faded ? css.faded : ''}`,
    animated: kind === 'open' && !faded,
    focusable: false,
  };
}
