/** Variables of a service. Values of secrets are not typed here: they are set by themselves and never kept in the form. */
import { ActionIcon, Button, Checkbox, TextInput } from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { randomHex } from '../../../api/random.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { envField, type Problems } from '../draft-problems.ts';
import css from '../new-stack.module.css';
import type { EnvDraft, ServiceDraft } from '../stack-draft.ts';
import { Reasoned } from './reasoned.tsx';
import { SecretValue } from './secret-value.tsx';

const texts = newStack.service;

export type EnvEditorProps = {
  service: ServiceDraft;
  stack: string;
  problems: Problems;
  onChange(env: EnvDraft[]): void;
};

export function EnvEditor({ service: { key, env }, stack, problems, onChange }: EnvEditorProps) {
  const [setting, setSetting] = useState<string | null>(null);
  const hasSecrets = env.some(({ secret }) => secret);
  const secrets = useRead('secrets.list', { stack: stack.trim() }, { enabled: hasSecrets && stack.trim() !== '' });
  const known = new Set(secrets.data?.secrets.map(({ name }) => name));
  const change = (next: EnvDraft) => onChange(env.map((variable) => (variable.key === next.key ? next : variable)));
  const add = () => {
    const variable = { key: `${key}-${randomHex(4)}`, name: '', value: '', secret: false };
    onChange([...env, { ...variable, reason: '', example: '' }]);
    setTimeout(() => document.getElementById(envField(variable))?.focus(), 30);
  };
  return (
    <fieldset className={css.env}>
      <legend>{texts.env}</legend>
      {env.length === 0 && <p className="quiet">{texts.envEmpty}</p>}
      {env.map((variable) => {
        const id = envField(variable);
        return (
          <div key={variable.key} className={css.variable}>
            <TextInput
              {...(variable.secret ? {} : { id })}
              aria-label={texts.envName}
              placeholder={texts.envName}
              value={variable.name}
              onChange={(event) => change({ ...variable, name: event.currentTarget.value })}
              error={problems[id] !== undefined}
              classNames={{ input: css.code }}
              spellCheck={false}
            />
            {variable.secret ? (
              <SecretState
                id={id}
                isSet={known.has(variable.name.trim())}
                stack={stack}
                name={variable.name}
                onSet={() => setSetting(variable.name.trim())}
              />
            ) : (
              <TextInput
                aria-label={`${texts.envValue} ${variable.name}`}
                placeholder={variable.example ? texts.suggested(variable.example) : texts.envValue}
                value={variable.value}
                onChange={(event) => change({ ...variable, value: event.currentTarget.value })}
                classNames={{ input: css.code }}
                spellCheck={false}
              />
            )}
            <Checkbox
              label={texts.envSecret}
              title={texts.envSecretHint}
              checked={variable.secret}
              onChange={(event) => change({ ...variable, secret: event.currentTarget.checked, value: '' })}
            />
            <ActionIcon
              aria-label={texts.envRemove(variable.name)}
              onClick={() => onChange(env.filter((one) => one.key !== variable.key))}
            >
              <IconX size={15} />
            </ActionIcon>
            {problems[id] && (
              <p className={css.variableFault} role="alert">
                {problems[id]}
              </p>
            )}
            {variable.reason && (
              <p className={css.reason}>
                <Reasoned text={variable.reason} />
                {!variable.secret && variable.value === '' && ` ${texts.envLeftOut}`}
              </p>
            )}
          </div>
        );
      })}
      <Button variant="subtle" size="compact-sm" leftSection={<IconPlus size={14} />} onClick={add}>
        {texts.envAdd}
      </Button>
      <SecretValue stack={stack.trim()} name={setting} onClose={() => setSetting(null)} />
    </fieldset>
  );
}

type SecretStateProps = { id: string; isSet: boolean; stack: string; name: string; onSet(): void };

function SecretState({ id, isSet, stack, name, onSet }: SecretStateProps) {
  const missing = stack.trim() === '' ? texts.secretNeedsName : name.trim() === '' ? texts.envNeedsName : null;
  return (
    <div className={css.secret}>
      <StatusMark tone={isSet ? 'good' : 'warning'} word={isSet ? texts.secretSet : texts.secretMissing} />
      <Button
        id={id}
        variant="default"
        size="compact-sm"
        disabled={missing !== null}
        title={missing ?? undefined}
        onClick={onSet}
      >
        {isSet ? texts.secretReplace : texts.secretSetAction}
      </Button>
    </div>
  );
}
