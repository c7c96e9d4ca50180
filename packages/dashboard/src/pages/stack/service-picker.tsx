/** Which service is edited; it stands in the address. Those with edits that are not saved are marked. */
import { Select } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { picker as texts } from '../../texts/stack/forms.ts';
import css from './forms.module.css';

/** More than these are chosen from a list that can be searched. */
const shown_max = 8;

export type ServicePickerProps = {
  label: string;
  services: readonly string[];
  value: string;
  edited: ReadonlySet<string>;
};

export function ServicePicker({ label, services, value, edited }: ServicePickerProps) {
  const navigate = useNavigate({ from: '/stacks/$stack' });
  const word = (service: string) => (edited.has(service) ? texts.edited(service) : service);
  if (services.length > shown_max) {
    return (
      <Select
        label={label}
        searchable
        allowDeselect={false}
        maw={320}
        data={services.map((service) => ({ value: service, label: word(service) }))}
        value={value}
        onChange={(service) =>
          void navigate({ search: (old) => ({ ...old, service: service ?? undefined }), resetScroll: false })
        }
      />
    );
  }
  return (
    <nav aria-label={label} className={css.picker}>
      {services.map((service) => (
        <Link
          key={service}
          from="/stacks/$stack"
          to="."
          search={(old) => ({ ...old, service })}
          resetScroll={false}
          className={css.pick}
          data-chosen={service === value || undefined}
          aria-current={service === value ? 'true' : undefined}
        >
          {word(service)}
        </Link>
      ))}
    </nav>
  );
}
