/** The map as a list: the same facts, for phones, for screen readers, and for who would rather read. */
import { Link } from '@tanstack/react-router';
import { map as texts } from '../../../texts/stack/map.ts';
import { StatusMark } from '../../../ui/status-mark.tsx';
import css from './map.module.css';
import type { MapModel } from './map-model.ts';

export type MapListProps = { model: MapModel; stack: string; links: boolean };

export function MapList({ model, stack, links }: MapListProps) {
  const words = texts.list;
  return (
    <div className={css.list}>
      <h2>{words.proxies}</h2>
      {model.proxies.length === 0 && <p className="quiet">{words.noProxy}</p>}
      <ul>
        {model.proxies.map((proxy) => (
          <li key={proxy.key}>
            <StatusMark {...proxy.status} /> <code>{proxy.address}</code> {proxy.on}, {texts.outsideHint[model.bind]}
          </li>
        ))}
      </ul>
      <h2>{words.services}</h2>
      <ul>
        {model.services.map((service) => (
          <li key={service.name}>
            <span className={css.listHead}>
              {links ? (
                <Link to="/stacks/$stack/services/$service" params={{ stack, service: service.name }}>
                  {service.name}
                </Link>
              ) : (
                <strong>{service.name}</strong>
              )}
              <StatusMark {...service.status} />
            </span>
            <span className={css.listLine}>
              {words.outside}: {service.route === null ? texts.internalOnly : <code>{service.route.prefix}</code>}
              {service.route?.strip && `, ${texts.strip}`}
            </span>
            <span className={css.listLine}>
              {words.inside}: <code>{service.name_url}</code>, <code>{service.variable}</code>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
