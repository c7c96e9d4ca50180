/** Makes an API token: what it is for, what it may do, how long it works. */
import type { Role } from '@mainstay/contract/operation';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { settings } from '../../../texts/settings.ts';
import { Section } from '../../../ui/page.tsx';
import { useRefusal } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import { roleChoices } from '../roles.ts';
import css from '../settings.module.css';

const texts = settings.access;

export type MadeToken = { name: string; token: string | null };

type Lifetime = keyof typeof texts.lifetimes;
const lifetimes = Object.keys(texts.lifetimes) as Lifetime[];

export type TokenFormProps = { own: Role | null; onMade(made: MadeToken): void; onCancel(): void };

export function TokenForm({ own, onMade, onCancel }: TokenFormProps) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role | ''>('');
  const [lifetime, setLifetime] = useState<Lifetime>('90');
  const [change, setChange] = useState<Change | null>(null);
  const refusal = useRefusal(() => setChange(null));
  const choices = roleChoices(own);
  return (
    <Section title={texts.add}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() === '') return refusal.say('name', texts.nameEmpty);
          refusal.clear();
          const bounds = {
            ...(role === '' ? {} : { role }),
            ...(lifetime === 'none' ? {} : { expires_seconds: Number(lifetime) * 86_400 }),
          };
          setChange({ id: 'access.create_token', input: { name: name.trim(), ...bounds } });
        }}
      >
        <TextInput
          label={texts.name}
          description={texts.nameHint}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={refusal.at('name')}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
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
        <div className={css.controls}>
          <Button type="submit">{texts.review}</Button>
          <Button variant="default" onClick={onCancel}>
            {general.cancel}
          </Button>
        </div>
      </form>
      <ReviewChange
        change={change}
        title={texts.makeTitle(name.trim())}
        confirm={texts.makeDo}
        onClose={() => setChange(null)}
        onRefused={refusal.take}
        onAccepted={({ result }) => {
          if (result === null) return;
          setChange(null);
          onMade({ name: name.trim(), token: (result as { token: string | null }).token });
        }}
      >
        <p className="quiet">{texts.makeText}</p>
      </ReviewChange>
    </Section>
  );
}
