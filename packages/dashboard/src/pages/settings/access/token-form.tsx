/** Makes an API token: what it is for, what it may do, how long it works. */
import type { Role } from '@mainstay/contract/operation';
import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { settings } from '../../../texts/settings.ts';
import { NameField, ReviewedForm } from '../reviewed-form.tsx';
import { roleChoices } from '../roles.ts';

const texts = settings.access;

export type MadeToken = { name: string; token: string | null };

type Lifetime = keyof typeof texts.lifetimes;
const lifetimes = Object.keys(texts.lifetimes) as Lifetime[];

export type TokenFormProps = { own: Role | null; onMade(made: MadeToken): void; onCancel(): void };

export function TokenForm({ own, onMade, onCancel }: TokenFormProps) {
  const [typed, setTyped] = useState('');
  const [role, setRole] = useState<Role | ''>('');
  const [lifetime, setLifetime] = useState<Lifetime>('90');
  const choices = roleChoices(own);
  const name = typed.trim();
  return (
    <ReviewedForm
      title={texts.add}
      submit={texts.review}
      review={{ title: texts.makeTitle(name), text: texts.makeText, confirm: texts.makeDo }}
      changeOf={() => {
        if (name === '') return { field: 'name', message: texts.nameEmpty };
        const bounds = {
          ...(role === '' ? {} : { role }),
          ...(lifetime === 'none' ? {} : { expires_seconds: Number(lifetime) * 86_400 }),
        };
        return { id: 'access.create_token', input: { name, ...bounds } };
      }}
      onCancel={onCancel}
      onAccepted={({ result }, close) => {
        if (result === null) return;
        close();
        onMade({ name, token: (result as { token: string | null }).token });
      }}
    >
      {(refusal) => (
        <>
          <NameField label={texts.name} hint={texts.nameHint} value={typed} set={setTyped} refusal={refusal} first />
          <NativeSelect
            label={texts.role}
            value={role}
            onChange={({ currentTarget: { value } }) =>
              setRole(choices.find((choice) => choice.value === value)?.value ?? '')
            }
            error={refusal.at('role')}
            data={[{ value: '', label: texts.asYou }, ...choices]}
          />
          <NativeSelect
            label={texts.lifetime}
            value={lifetime}
            onChange={({ currentTarget: { value } }) => setLifetime(lifetimes.find((one) => one === value) ?? '90')}
            error={refusal.at('expires_seconds')}
            data={lifetimes.map((value) => ({ value, label: texts.lifetimes[value] }))}
          />
        </>
      )}
    </ReviewedForm>
  );
}
