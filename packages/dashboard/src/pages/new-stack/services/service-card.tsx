/** One service of the new stack: every value can be changed, and says beside it why it was proposed. */
import type { ServiceProposal } from '@mainstay/contract/operations/sources';
import { Checkbox, type InputWrapperProps, SegmentedControl, Switch, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import { newStack } from '../../../texts/new-stack.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { type Problems, type ServiceField, serviceField } from '../draft-problems.ts';
import css from '../new-stack.module.css';
import type { CommandDraft, ServiceDraft } from '../stack-draft.ts';
import { EnvEditor } from './env-editor.tsx';
import { Reasoned } from './reasoned.tsx';
import { SourceFields } from './source-fields.tsx';

const texts = newStack.service;
/** Explanations differ in length; below, they leave the inputs of a row side by side. */
const inputWrapperOrder: NonNullable<InputWrapperProps['inputWrapperOrder']> = [
  'label',
  'input',
  'error',
  'description',
];

/** A service that was found and is not taken. */
export function OfferedService({ proposal, onTake }: { proposal: ServiceProposal; onTake(): void }) {
  const { name, title, root, run } = proposal;
  return (
    <section className={css.service} aria-label={name}>
      <Checkbox
        checked={false}
        onChange={onTake}
        aria-label={newStack.found.take(name)}
        label={
          <Heading name={name} title={title} where={newStack.found.root(root)}>
            {run ? <code className={css.run}>{commandWords(run.value)}</code> : newStack.found.noRun}
          </Heading>
        }
      />
    </section>
  );
}

function Heading({
  name,
  title,
  where,
  children,
}: {
  name: string;
  title: string;
  where: string;
  children?: ReactNode;
}) {
  return (
    <span className={css.heading}>
      <b>{name}</b> <Foreign text={title} /> <span className="quiet">{where}</span>
      {children && <span className={css.headingMore}>{children}</span>}
    </span>
  );
}

function commandWords(command: string | readonly string[]): string {
  return typeof command === 'string' ? command : command.join(' ');
}

export type ServiceCardProps = {
  service: ServiceDraft;
  stack: string;
  problems: Problems;
  onChange(next: ServiceDraft): void;
  onRemove(): void;
  /** It is of the repository above, whose URL and branch are chosen there. */
  hasFixedSource?: boolean;
};

export function ServiceCard({
  service,
  stack,
  problems,
  onChange,
  onRemove,
  hasFixedSource = false,
}: ServiceCardProps) {
  const { name, reasons, health, rest } = service;
  const change = (part: Partial<ServiceDraft>) => onChange({ ...service, ...part });
  const field = (key: ServiceField) => {
    const id = serviceField(service, key);
    return { id, error: problems[id] ?? null };
  };
  const command = (text: string, before: CommandDraft): CommandDraft => ({ text, list: before.list });
  return (
    <section className={css.service} data-taken aria-label={name || texts.byHand}>
      <Checkbox
        checked
        onChange={onRemove}
        aria-label={texts.remove(name)}
        label={
          <Heading
            name={name || texts.byHand}
            title={service.title}
            where={newStack.found.root(service.root === '' ? null : service.root)}
          />
        }
      />
      {!hasFixedSource && <SourceFields service={service} problems={problems} onChange={onChange} />}
      {service.notes.length > 0 && (
        <ul className={css.notes}>
          {service.notes.map((note) => (
            <li key={note}>
              <Reasoned text={note} />
            </li>
          ))}
        </ul>
      )}
      <div className={css.fields}>
        <TextInput
          {...field('name')}
          inputWrapperOrder={inputWrapperOrder}
          label={texts.name}
          description={texts.nameHint(name.trim())}
          value={name}
          onChange={(event) => change({ name: event.currentTarget.value })}
          spellCheck={false}
        />
        <TextInput
          {...field('root')}
          inputWrapperOrder={inputWrapperOrder}
          label={texts.root}
          description={texts.rootHint}
          value={service.root}
          onChange={(event) => change({ root: event.currentTarget.value })}
          classNames={{ input: css.code }}
          spellCheck={false}
        />
        <TextInput
          {...field('build')}
          inputWrapperOrder={inputWrapperOrder}
          label={texts.build}
          description={<Why reason={reasons.build} otherwise={texts.buildHint} />}
          value={service.build.text}
          onChange={(event) => change({ build: command(event.currentTarget.value, service.build) })}
          classNames={{ input: css.code }}
          spellCheck={false}
        />
        <TextInput
          {...field('run')}
          inputWrapperOrder={inputWrapperOrder}
          label={texts.run}
          description={<Why reason={reasons.run} otherwise={texts.runHint} />}
          value={service.run.text}
          onChange={(event) => change({ run: command(event.currentTarget.value, service.run) })}
          classNames={{ input: css.code }}
          spellCheck={false}
          required
        />
        <TextInput
          {...field('port')}
          inputWrapperOrder={inputWrapperOrder}
          label={texts.port}
          description={<Why reason={reasons.port} otherwise={texts.portHint} />}
          placeholder={texts.portPlaceholder}
          value={service.port}
          onChange={(event) => change({ port: event.currentTarget.value })}
          inputMode="numeric"
        />
        <div>
          <div className={css.twoLabels}>
            {health.type === 'http' ? (
              <label htmlFor={serviceField(service, 'health')}>{texts.health}</label>
            ) : (
              <span>{texts.health}</span>
            )}
            <SegmentedControl
              size="xs"
              aria-label={texts.health}
              value={health.type}
              onChange={(type) => change({ health: { ...health, type: type as 'http' | 'tcp' } })}
              data={(['http', 'tcp'] as const).map((value) => ({ value, label: texts.healthKinds[value] }))}
            />
          </div>
          {health.type === 'http' ? (
            <TextInput
              {...field('health')}
              inputWrapperOrder={inputWrapperOrder}
              description={<Why reason={reasons.health} otherwise={texts.healthHint} />}
              value={health.path}
              onChange={(event) => change({ health: { ...health, path: event.currentTarget.value } })}
              classNames={{ input: css.code }}
              spellCheck={false}
            />
          ) : (
            <p className={css.small} id={serviceField(service, 'health')} tabIndex={-1}>
              <Why reason={reasons.health} otherwise={texts.healthTcp} />
            </p>
          )}
        </div>
        <div className={css.route}>
          <Switch
            checked={service.routed}
            onChange={(event) => change({ routed: event.currentTarget.checked })}
            label={texts.routed}
            description={service.routed ? undefined : texts.routeNone}
          />
          {service.routed && (
            <>
              <TextInput
                {...field('route')}
                inputWrapperOrder={inputWrapperOrder}
                label={texts.route}
                description={<Why reason={reasons.route} otherwise={texts.routeHint} />}
                value={service.prefix}
                onChange={(event) => change({ prefix: event.currentTarget.value })}
                classNames={{ input: css.code }}
                spellCheck={false}
              />
              {service.prefix.trim() !== '/' && (
                <Checkbox
                  checked={service.strip}
                  onChange={(event) => change({ strip: event.currentTarget.checked })}
                  label={texts.strip}
                />
              )}
            </>
          )}
        </div>
      </div>
      <EnvEditor service={service} stack={stack} problems={problems} onChange={(env) => change({ env })} />
      {Object.keys(rest).length > 0 && <p className="quiet">{texts.fromFile}</p>}
    </section>
  );
}

/** Why a value was proposed; where none was, what the field means. */
function Why({ reason, otherwise }: { reason: string | undefined; otherwise: string }) {
  if (reason === undefined) return otherwise;
  return (
    <>
      <span className="visually-hidden">{texts.why}: </span>
      <Reasoned text={reason} />
    </>
  );
}
