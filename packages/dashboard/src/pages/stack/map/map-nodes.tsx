/** The boxes of the map. Their states are marks with words; a service is a link that shows who reaches it. */
import { IconWorld } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Handle, type NodeProps, Position } from '@xyflow/react';
import { memo, type ReactNode } from 'react';
import { map as texts } from '../../../texts/stack/map.ts';
import graph from '../../../ui/picture-graph.module.css';
import { StatusMark } from '../../../ui/status-mark.tsx';
import css from './flow-map.module.css';
import type { MapNode } from './map-layout.ts';

type Of<Kind extends MapNode['kind']> = Extract<MapNode, { kind: Kind }>;

function nodeOf<Kind extends MapNode['kind']>({ data }: NodeProps, _: Kind): Of<Kind> {
  return (data as { node: Of<Kind> }).node;
}

function Ends({ into = true, out = true }: { into?: boolean; out?: boolean }): ReactNode {
  return (
    <>
      {into && <Handle type="target" position={Position.Left} isConnectable={false} className={graph.handle} />}
      {out && <Handle type="source" position={Position.Right} isConnectable={false} className={graph.handle} />}
    </>
  );
}

function OutsideNode(props: NodeProps) {
  const { bind } = nodeOf(props, 'outside');
  return (
    <div className={css.outside}>
      <Ends into={false} />
      <span className={css.line}>
        <IconWorld size={15} aria-hidden="true" /> {texts.outside}
      </span>
      <span className={css.small}>{texts.outsideHint[bind]}</span>
    </div>
  );
}

function ProxyNode(props: NodeProps) {
  const { proxy } = nodeOf(props, 'proxy');
  return (
    <div className={css.box}>
      <Ends />
      <span className={css.line}>
        <StatusMark {...proxy.status} form="icon" />
        <span className={css.strong} title={proxy.address}>
          {proxy.address}
        </span>
      </span>
      <span className={css.small} title={proxy.on}>
        {proxy.on}
      </span>
    </div>
  );
}

function RouteNode(props: NodeProps) {
  const { prefix, strip, faded } = nodeOf(props, 'route');
  return (
    <div className={css.route} data-faded={faded || undefined}>
      <Ends />
      <code title={prefix}>{prefix}</code>
      {strip && <span className={css.small}>{texts.strip}</span>}
    </div>
  );
}

function ServiceNode(props: NodeProps) {
  const { service, chosen, faded } = nodeOf(props, 'service');
  return (
    <Link
      from="/stacks/$stack"
      to="."
      search={(old) => ({ ...old, service: chosen ? undefined : service.name })}
      resetScroll={false}
      className={css.box}
      data-chosen={chosen || undefined}
      data-faded={faded || undefined}
      aria-current={chosen || undefined}
      title={chosen ? texts.clear : texts.show(service.name)}
    >
      <Ends into={service.route !== null} />
      <span className={css.line}>
        <span className={css.strong}>{service.name}</span>
      </span>
      <span className={css.line}>
        <StatusMark {...service.status} />
        {service.servers > 1 && (
          <span className={css.small} title={texts.onServers(service.running_on.length, service.servers)}>
            {texts.runs(service.running_on.length, service.servers)}
          </span>
        )}
      </span>
    </Link>
  );
}

function NameNode(props: NodeProps) {
  const { service, chosen, faded } = nodeOf(props, 'name');
  return (
    <div className={css.name} data-chosen={chosen || undefined} data-faded={faded || undefined}>
      <Ends out={false} />
      <code title={service.name_url}>{service.name_url}</code>
      <code className={css.small} title={service.variable}>
        {service.variable}
      </code>
    </div>
  );
}

/** Drawn again when their own part of the layout changed, and not before. */
export const nodeTypes = {
  outside: memo(OutsideNode, isSame),
  proxy: memo(ProxyNode, isSame),
  route: memo(RouteNode, isSame),
  service: memo(ServiceNode, isSame),
  name: memo(NameNode, isSame),
};

function isSame(before: NodeProps, after: NodeProps): boolean {
  return before.data === after.data;
}
