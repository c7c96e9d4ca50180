/** What is known of the chosen service: how it is reached from outside and inside, and by whom. */
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { map as texts } from '../../../texts/stack/map.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import css from './map.module.css';
import type { MapModel, MapService } from './map-model.ts';

export type MapDetailProps = { stack: string; model: MapModel; service: MapService | undefined };

export function MapDetail({ stack, model, service }: MapDetailProps) {
  const words = texts.detail;
  if (!service) return <p className={css.hint}>{texts.nothing}</p>;
  const others = model.services.flatMap(({ name }) => (name === service.name ? [] : [name]));
  return (
    <section className={css.detail} aria-label={service.name}>
      <div className={css.detailHead}>
        <h2>{service.name}</h2>
        <StatusMark {...service.status} form="chip" />
        {service.servers > 1 && (
          <span className="quiet">{texts.onServers(service.running_on.length, service.servers)}</span>
        )}
        <Button
          size="compact-sm"
          variant="default"
          renderRoot={(props) => (
            <Link to="/stacks/$stack/services/$service" params={{ stack, service: service.name }} {...props} />
          )}
        >
          {texts.openService}
        </Button>
      </div>
      <dl className={css.facts}>
        <div>
          <dt>{words.outside}</dt>
          <dd>
            {service.route === null
              ? words.none
              : service.route.strip
                ? words.stripped(service.route.prefix)
                : words.through(service.route.prefix)}
          </dd>
        </div>
        <div>
          <dt>{words.address}</dt>
          <dd className={css.addresses}>
            {words.variable} <code>{service.variable}</code>
            <CopyButton text={service.variable} /> {words.byName} <code>{service.name_url}</code>
            <CopyButton text={service.name_url} />
          </dd>
        </div>
        <div>
          <dt>{words.callers}</dt>
          <dd>{callers(others)}</dd>
        </div>
      </dl>
    </section>
  );
}

const named_max = 5;

function callers(others: readonly string[]): string {
  if (others.length === 0) return texts.detail.noCallers;
  return others.length > named_max
    ? texts.detail.manyOthers(others.length)
    : texts.detail.allOthers(others.toSorted().join(', '));
}
